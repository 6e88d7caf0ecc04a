/**
 * The model vendor of the measurements. The model's name says what it does: `fast-N` answers with N tokens, ten in a
 * write, as fast as they are read; `paced-N-R` sends R tokens a second, each of which holds the time it left. As OpenAI's
 * and most others', it reports the usage where that is asked for.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { now } from './load.js'

const base = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'bench' }
const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ ...base, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const token = chunk({ content: ' token' })
const ten = token.repeat(10)
const usage = `data: ${JSON.stringify({ ...base, choices: [], usage: { prompt_tokens: 10, completion_tokens: 100, total_tokens: 110 } })}\n\n`
const end = (wantsUsage: boolean): string => `${chunk({}, 'stop')}${wantsUsage ? usage : ''}data: [DONE]\n\n`

async function fast (response: ServerResponse, count: number, last: string): Promise<void> {
  for (let left = count; left > 0; left -= 10) {
    if (!response.write(left >= 10 ? ten : token.repeat(left)) && !response.destroyed) await once(response, 'drain')
  }
  response.end(last)
}

function paced (response: ServerResponse, count: number, perSecond: number, last: string): void {
  let sent = 0
  const next = (): void => {
    response.write(chunk({ content: ` @${now().toFixed(2)}@` }))
    if (++sent < count) return
    clearInterval(timer)
    response.end(last)
  }
  const timer = setInterval(next, 1000 / perSecond)
  response.on('close', () => clearInterval(timer))
  next()
}

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', text => { body += text }).on('end', () => {
    const { model, stream_options: options } = JSON.parse(body) as { model: string, stream_options?: { include_usage?: boolean } }
    const [kind, count, rate] = model.split('-')
    const last = end(options?.include_usage === true)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (kind === 'paced') paced(response, Number(count), Number(rate), last)
    else fast(response, Number(count), last).catch(() => response.destroy())
  })
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
