/**
 * The vendor of a model, for the checks of clients: it calls the first function that it is offered, or searches files where it can, and otherwise says
 * a sentence. Speaks chat completions, embeddings and models of OpenAI's API.
 */
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

/** What the model does next. */
function turn ({ messages, tools = [] }) {
  const last = messages.at(-1)
  const names = tools.map(tool => tool.function.name)
  const search = names.find(name => name === 'file_search')
  // Results of a search say how they are to be cited.
  if (last.role === 'tool') return { content: search === undefined ? 'It rains in Riga.' : `The meeting is at noon${/【.*?】/.exec(last.content)?.[0] ?? ''}.` }
  if (search !== undefined) return { call: { name: search, arguments: JSON.stringify({ query: 'meeting' }) } }
  if (names.length > 0) return { call: { name: names[0], arguments: JSON.stringify({ city: 'Riga' }) } }
  return { content: 'Hello from the model.' }
}

function completion (body) {
  const { content = null, call } = turn(body)
  const calls = call === undefined ? {} : { tool_calls: [{ id: 'call_1', type: 'function', function: call }] }
  const reason = call === undefined ? 'stop' : 'tool_calls'
  return { head: { id: 'chatcmpl-1', created: 1_700_000_000, model: body.model }, message: { role: 'assistant', content, ...calls }, reason }
}

const chunk = (head, delta, reason = null) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`

function answer (path, body, response) {
  const send = value => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  if (path.endsWith('/models')) return send({ object: 'list', data: [{ id: 'scripted', object: 'model', created: 1_700_000_000, owned_by: 'compat' }] })
  if (path.endsWith('/embeddings')) {
    const texts = Array.isArray(body.input) ? body.input : [body.input]
    const vector = [0.6, 0.8, 0]
    const embedding = body.encoding_format === 'base64' ? Buffer.from(Float32Array.from(vector).buffer).toString('base64') : vector
    return send({ object: 'list', model: body.model, data: texts.map((_, index) => ({ object: 'embedding', index, embedding })), usage: { prompt_tokens: 1, total_tokens: 1 } })
  }
  const { head, message, reason } = completion(body)
  if (body.stream !== true) return send({ ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: reason, logprobs: null }], usage: USAGE })
  response.setHeader('content-type', 'text/event-stream')
  response.write(chunk(head, { role: 'assistant', content: '' }))
  for (const word of message.content?.split(/(?<= )/) ?? []) response.write(chunk(head, { content: word }))
  if (message.tool_calls !== undefined) response.write(chunk(head, { tool_calls: message.tool_calls.map((call, index) => ({ index, ...call })) }))
  response.write(chunk(head, {}, reason))
  response.write(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [], usage: USAGE })}\n\n`)
  response.end('data: [DONE]\n\n')
}

/** @returns {Promise<{ url: string, close: () => void }>} */
export async function startVendor () {
  const server = createServer((request, response) => {
    const body = request.method === 'POST' ? json(request) : Promise.resolve({})
    body.then(value => answer(new URL(request.url, 'http://x').pathname, value, response), () => response.destroy())
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}/v1`, close: () => server.close() }
}
