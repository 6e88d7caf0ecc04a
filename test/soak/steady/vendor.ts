/** The model vendor of the soak, in a process of its own: a word every 100 ms, or a call of the function that is offered. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const WORD_MS = 100

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'chatcmpl-soak', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'soak', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`

function speak (response: ServerResponse, words: number, word: string): void {
  let sent = 0
  const timer = setInterval(() => {
    response.write(chunk({ content: word }))
    if (++sent < words) return
    clearInterval(timer)
    response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`)
  }, WORD_MS)
  response.on('close', () => clearInterval(timer))
}

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', text => { body += text }).on('end', () => {
    const { messages = [] } = JSON.parse(body) as { messages?: { role: string, content: string }[] }
    const last = messages.at(-1)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (last?.role === 'user' && last.content.startsWith('ask')) {
      response.end(`${chunk({ tool_calls: [{ index: 0, id: `call_${messages.length}`, type: 'function', function: { name: 'ask', arguments: '{}' } }] })}${chunk({}, 'tool_calls')}data: [DONE]\n\n`)
    } else if (last?.content.startsWith('long') === true) speak(response, 60, 'word '.repeat(200))
    else speak(response, 40, ' word')
  })
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`))
