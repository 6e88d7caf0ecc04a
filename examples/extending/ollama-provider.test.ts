import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { ModelRequest } from 'fastify-openai-compat'
import { modelProviderSuite, withAssertions, type ScriptedAnswer, type SuiteTest } from 'fastify-openai-compat/conformance'
import { ollamaProvider } from './ollama-provider.ts'

const request: ModelRequest = { model: 'llama3.2', messages: [{ role: 'user', content: 'Hi' }] }
const ERRORS = { rate_limit: 429, prompt: 400, server: 500 }

modelProviderSuite({
  test: withAssertions((name, body) => test(name, body)),
  factory: async (t: SuiteTest) => {
    const ollama = await startOllama(t)
    return {
      provider: ollamaProvider(ollama.url),
      listed: 'llama3.2',
      script (answer: ScriptedAnswer) {
        ollama.answers.push(answer)
        return request
      },
      received: () => ollama.received.at(-1) ?? '',
      calls: () => ollama.received.length,
      reached: () => ollama.reached,
      closed: () => ollama.closed
    }
  }
})

/** A server that speaks as Ollama does, and says what it is told to. */
async function startOllama (t: SuiteTest) {
  const answers: ScriptedAnswer[] = []
  const received: string[] = []
  let reach = (): void => {}
  let close = (): void => {}
  const reached = new Promise<void>(resolve => { reach = resolve })
  const closed = new Promise<void>(resolve => { close = resolve })

  const server = createServer((incoming, response) => {
    if (incoming.url === '/api/tags') {
      response.end(JSON.stringify({ models: [{ name: 'llama3.2', modified_at: '2026-01-01T00:00:00Z' }] }))
      return
    }
    text(incoming).then(body => {
      received.push(body)
      reach()
      response.once('close', close)
      const answer = answers.shift()
      if (answer !== undefined) reply(response, answer)
    }, () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers, received, reached, closed }
}

function reply (response: ServerResponse, answer: ScriptedAnswer): void {
  const line = (content: object): void => { response.write(`${JSON.stringify(content)}\n`) }
  if (answer.kind === 'error') {
    response.statusCode = ERRORS[answer.error]
    response.end(JSON.stringify({ error: answer.message }))
    return
  }
  response.flushHeaders()
  const tokens = answer.kind === 'calls' ? [answer.textBefore ?? ''] : answer.tokens
  for (const content of tokens) line({ message: { role: 'assistant', content }, done: false })
  if (answer.kind === 'hang') return
  if (answer.kind === 'cut') {
    response.destroy()
    return
  }
  if (answer.kind === 'calls') line({ message: { role: 'assistant', content: '', tool_calls: answer.calls.map(call => ({ function: call })) }, done: false })
  const finish = answer.kind === 'text' ? answer.finish : undefined
  line({ message: { role: 'assistant', content: '' }, done: true, done_reason: finish ?? 'stop', prompt_eval_count: 3, eval_count: 2 })
  response.end()
}
