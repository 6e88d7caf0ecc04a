/**
 * What a message and a page cost over HTTP in a thread of 10,000 messages compared with one of 10, on every store; and what
 * a streamed run adds to the model's own stream. Both sides of each comparison run in turns in the same process, so that
 * the ratios hold where the absolute numbers do not.
 *
 *   npm run bench -- build/bench/api.js [STORE ...]
 *
 * REDIS_URL and DATABASE_URL name the servers; one that does not answer is left out.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorageUrl } from '../storage/open.js'
import { buildServer } from '../lib/server.js'
import { KIND } from '../storage/layout.js'

const SMALL = 10
const LARGE = 10_000
const ROUNDS = 200
const TOKENS = 2000
const STREAMS = 15

const redis = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
const postgres = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const folder = mkdtempSync(join(tmpdir(), 'openai-compat-bench-'))
const unique = `bench_${process.pid}`
const STORES: Record<string, string> = {
  memory: 'memory:',
  sqlite: `sqlite:${folder}/bench.db`,
  redis: `${redis}?keyPrefix=${unique}:`,
  postgres: `${postgres}?tableName=${unique}`
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

async function milliseconds (action: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await action()
  return performance.now() - start
}

/** A model vendor that says one word as the model `short`, else `TOKENS` words, as fast as it can. */
async function vendor (): Promise<{ url: string, close: () => void }> {
  const chunk = (delta: object, finish: string | null): string => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  const words = Array.from({ length: TOKENS }, (_, n) => chunk({ content: ` word${n}` }, null))
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', text => { body += text }).on('end', () => {
      const { model } = JSON.parse(body) as { model: string }
      const count = model === 'short' ? 1 : TOKENS
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let n = 0; n < count; n += 10) response.write(words.slice(n, Math.min(n + 10, count)).join(''))
      response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, close: () => { server.closeAllConnections(); server.close() } }
}

/** Reads a stream to its end: milliseconds to the first token and to the last byte. */
async function readStream (url: string, body: object, token: string): Promise<{ first: number, all: number }> {
  const start = performance.now()
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (response.status !== 200 || response.body === null) throw new Error(`${response.status} ${await response.text()}`)
  let first = 0
  const decoder = new TextDecoder()
  for await (const chunk of response.body) {
    if (first === 0 && decoder.decode(chunk, { stream: true }).includes(token)) first = performance.now() - start
  }
  return { first, all: performance.now() - start }
}

async function bench (name: string, url: string): Promise<void> {
  const { url: vendorUrl, close: closeVendor } = await vendor()
  const storage = openStorageUrl(url)
  const app = buildServer({ storage, provider: { baseURL: vendorUrl } })
  const baseURL = `${await app.listen({ port: 0, host: '127.0.0.1' })}/v1`
  const call = async (method: string, path: string, body?: object): Promise<any> => {
    const response = await fetch(baseURL + path, { method, ...body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return await response.json()
  }
  try {
    const threads: { id: string, middle: string, last: string }[] = []
    for (const size of [SMALL, LARGE]) {
      const { id } = await call('POST', '/threads', {})
      const sample = await call('POST', `/threads/${id}/messages`, { role: 'user', content: 'x'.repeat(400) })
      for (let n = 1; n < size; n += 500) {
        const count = Math.min(500, size - n)
        await storage.records.write({ project: 'default', partition: id }, Array.from({ length: count }, (_, i) =>
          ({ op: 'put', kind: KIND.message, id: `msg_${n + i}`, body: { ...sample, id: `msg_${n + i}` } }) as const))
      }
      threads.push({ id, middle: `msg_${size / 2}`, last: `msg_${size - 6}` })
    }
    const actions: [string, (thread: typeof threads[number]) => Promise<unknown>, ((thread: typeof threads[number], result: any) => Promise<unknown>)?][] = [
      ['add a message', thread => call('POST', `/threads/${thread.id}/messages`, { role: 'user', content: 'x'.repeat(400) }),
        (thread, message) => call('DELETE', `/threads/${thread.id}/messages/${message.id}`)],
      ['first page', thread => call('GET', `/threads/${thread.id}/messages?order=asc&limit=5`)],
      ['middle page', thread => call('GET', `/threads/${thread.id}/messages?order=asc&limit=5&after=${thread.middle}`)],
      ['last page', thread => call('GET', `/threads/${thread.id}/messages?order=asc&limit=5&after=${thread.last}`)]
    ]
    for (const [what, action, after] of actions) {
      const costs: [number[], number[]] = [[], []]
      for (let round = 0; round < ROUNDS; round++) {
        for (const [index, thread] of threads.entries()) {
          let result: unknown
          costs[index]!.push(await milliseconds(async () => { result = await action(thread) }))
          await after?.(thread, result)
        }
      }
      const [small, large] = costs.map(median) as [number, number]
      console.log(`${name.padEnd(9)} ${what.padEnd(14)} ${small.toFixed(2).padStart(6)} ms → ${large.toFixed(2).padStart(6)} ms  ${(large / small).toFixed(2)}×`)
    }

    const assistant = await call('POST', '/assistants', { model: 'long' })
    const [raw, ours] = [{ first: [] as number[], all: [] as number[] }, { first: [] as number[], all: [] as number[] }]
    for (let n = 0; n < STREAMS; n++) {
      for (const model of ['short', 'long']) {
        const thread = await call('POST', '/threads', { messages: [{ role: 'user', content: 'Hello' }] })
        const key = model === 'short' ? 'first' : 'all'
        raw[key].push((await readStream(`${vendorUrl}/chat/completions`, { model, stream: true, messages: [] }, 'word0'))[key])
        ours[key].push((await readStream(`${baseURL}/threads/${thread.id}/runs`, { assistant_id: assistant.id, model, stream: true }, 'word0'))[key])
        await call('DELETE', `/threads/${thread.id}`)
      }
    }
    const [rawFirst, first, rawAll, all] = [raw.first, ours.first, raw.all, ours.all].map(median) as [number, number, number, number]
    console.log(`${name.padEnd(9)} first token    ${rawFirst.toFixed(2).padStart(6)} ms → ${first.toFixed(2).padStart(6)} ms  +${(first - rawFirst).toFixed(2)} ms`)
    console.log(`${name.padEnd(9)} events/s      ${(TOKENS / rawAll * 1000).toFixed(0).padStart(7)} → ${(TOKENS / all * 1000).toFixed(0).padStart(7)}  ${(all / rawAll).toFixed(2)}× the time`)
    for (const { id } of threads) await call('DELETE', `/threads/${id}`)
  } finally {
    await app.close()
    await storage.disconnect()
    closeVendor()
  }
}

console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores`)
const wanted = process.argv.slice(2)
for (const [name, url] of Object.entries(STORES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  await bench(name, url).catch((error: Error) => console.log(`${name.padEnd(9)} left out: ${error.message}`))
}
rmSync(folder, { recursive: true, force: true })
