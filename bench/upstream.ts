/**
 * What a token costs on its way from a vendor's socket through the OpenAI-compatible provider, compared with the floor
 * (undici reading the same bytes and doing nothing with them), with parsing alone, and with the official client. All run
 * in turns in the same process against a vendor in another one, so that the ratios hold where the absolute numbers do not.
 *
 *   npm run bench -- build/bench/upstream.js
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createParser } from 'eventsource-parser'
import { OpenAI } from 'openai'
import { Agent, request } from 'undici'
import { openaiCompatible } from '../lib/models/openai-compatible.js'

const TOKENS = 20_000
const ROUNDS = 9
const STREAMS = 16

const model = 'bench'
const messages = [{ role: 'user' as const, content: 'Hello' }]

/** How the vendor cuts its bytes: many tokens at a time, or each in a packet of its own as a real model does. */
type Cut = 'bulk' | 'single'

async function serve (): Promise<void> {
  const base = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_700_000_000, model, system_fingerprint: 'fp_bench' }
  const chunk = (delta: object, finish: string | null = null): Buffer =>
    Buffer.from(`data: ${JSON.stringify({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })}\n\n`)
  const token = chunk({ content: ' token' })
  const last = Buffer.concat([chunk({}, 'stop'), Buffer.from('data: [DONE]\n\n')])
  const bulk = Buffer.concat(Array.from({ length: 50 }, () => token))

  async function send (response: ServerResponse, cut: Cut): Promise<void> {
    const [piece, count] = cut === 'bulk' ? [bulk, TOKENS / 50] : [token, TOKENS / STREAMS]
    for (let i = 0; i < count; i++) {
      if (!response.write(piece)) await once(response, 'drain')
      else if (cut === 'single') await new Promise(resolve => setImmediate(resolve))
    }
    response.end(last)
  }

  const server = createServer((message, response) => {
    message.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    send(response, message.url?.startsWith('/bulk') === true ? 'bulk' : 'single').catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.((server.address() as AddressInfo).port)
}

/** Reads one stream to its end and returns its tokens. */
type Reader = (url: string) => Promise<number>

const agent = new Agent({ bodyTimeout: 0, headersTimeout: 0 })
const providers = new Map<string, ReturnType<typeof openaiCompatible>>()

async function open (url: string): Promise<AsyncIterable<Buffer>> {
  const body = JSON.stringify({ model, messages, stream: true })
  const answer = await request(`${url}/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, dispatcher: agent })
  return answer.body
}

const readers: Record<string, Reader> = {
  floor: async url => {
    let bytes = 0
    for await (const chunk of await open(url)) bytes += chunk.length
    return bytes
  },
  parsing: async url => {
    let tokens = 0
    const parser = createParser({ onEvent: ({ data }) => { if (data !== '[DONE]' && JSON.parse(data).choices[0].delta.content !== undefined) tokens++ } })
    for await (const chunk of await open(url)) parser.feed(chunk.toString())
    return tokens
  },
  provider: async url => {
    const provider = providers.get(url) ?? openaiCompatible({ baseURL: url })
    providers.set(url, provider)
    let tokens = 0
    for await (const part of provider.stream({ model, messages }, { signal: new AbortController().signal })) {
      if (part.type === 'text') tokens++
    }
    return tokens
  },
  'official client': async url => {
    const client = new OpenAI({ baseURL: url, apiKey: 'bench' })
    let tokens = 0
    for await (const part of await client.chat.completions.create({ model, messages, stream: true })) {
      if (part.choices[0]?.delta.content !== undefined) tokens++
    }
    return tokens
  }
}

/** Our own processor time in microseconds for all tokens: on a loaded machine it says more than the clock on the wall. */
async function cost (read: Reader, url: string, streams: number): Promise<{ cpu: number, wall: number }> {
  const before = process.cpuUsage()
  const start = performance.now()
  await Promise.all(Array.from({ length: streams }, () => read(url)))
  const { user, system } = process.cpuUsage(before)
  return { cpu: user + system, wall: (performance.now() - start) * 1000 }
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

async function compare (port: number, cut: Cut): Promise<void> {
  const url = `http://127.0.0.1:${port}/${cut}`
  const streams = cut === 'bulk' ? 1 : STREAMS
  const costs = new Map(Object.keys(readers).map(name => [name, { cpu: [] as number[], wall: [] as number[] }]))
  for (let round = -2; round < ROUNDS; round++) {
    for (const [name, read] of Object.entries(readers)) {
      const { cpu, wall } = await cost(read, url, streams)
      // The first rounds warm the compiler up.
      if (round < 0) continue
      costs.get(name)!.cpu.push(cpu)
      costs.get(name)!.wall.push(wall)
    }
  }
  console.log(cut === 'bulk' ? '\none stream, as fast as it can be read' : `\n${STREAMS} streams at once, each token in a packet of its own`)
  const floor = median(costs.get('floor')!.cpu)
  for (const [name, { cpu, wall }] of costs) {
    const perSecond = Math.round(TOKENS / median(wall) * 1e6)
    console.log(`  ${name.padEnd(16)} ${perSecond.toLocaleString('en').padStart(10)} tokens/s  ${(median(cpu) / TOKENS).toFixed(2).padStart(6)} µs CPU/token  ${(median(cpu) / floor).toFixed(2).padStart(5)}× floor`)
  }
}

if (process.argv[2] === 'serve') {
  await serve()
} else {
  const vendor = fork(fileURLToPath(import.meta.url), ['serve'])
  const [port] = await once(vendor, 'message') as [number]
  console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores; ${TOKENS} tokens, median of ${ROUNDS} rounds in turns`)
  await compare(port, 'bulk')
  await compare(port, 'single')
  for (const provider of providers.values()) await provider.close()
  await agent.close()
  vendor.kill()
}
