/**
 * A thousand cancelled runs: each closes its request to the vendor, and nothing of it stays in the process.
 *
 *     npm run test:soak
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { EventReader } from '../helpers/events.js'
import { hang, startUpstream, text, type Upstream, type UpstreamRequest } from '../helpers/upstream.js'
import type { Holdings } from './cancel-server.js'

const RUNS = 1000
const AT_ONCE = 20
/** Caches fill up and code is compiled before the first measurement. */
const WARM_UP = 400
const GROWTH = 1.1

class Service {
  readonly #child: ChildProcess
  readonly #baseURL: string
  #assistantId = ''

  private constructor (child: ChildProcess, port: number) {
    this.#child = child
    this.#baseURL = `http://127.0.0.1:${port}/v1`
  }

  static async start (t: Test, upstream: Upstream): Promise<Service> {
    const child = fork(fileURLToPath(new URL('cancel-server.js', import.meta.url)), [upstream.url, `sqlite:${join(t.testdir(), 'soak.db')}`])
    t.teardown(() => child.kill())
    const [port] = await once(child, 'message') as [number]
    const service = new Service(child, port)
    service.#assistantId = (await service.post('/assistants', { model: 'test-model' })).id
    return service
  }

  async measure (): Promise<Holdings> {
    this.#child.send('measure')
    const [holdings] = await once(this.#child, 'message') as [Holdings]
    return holdings
  }

  async close (): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.send('close')
    await gone
  }

  async post (path: string, body: object = {}): Promise<any> {
    const response = await this.fetch('POST', path, body)
    const answer: any = await response.json()
    if (response.status !== 200) throw new Error(`${path}: ${answer.error.message}`)
    return answer
  }

  async fetch (method: string, path: string, body?: object): Promise<Response> {
    return await fetch(this.#baseURL + path, { method, headers: { 'content-type': 'application/json' }, ...body === undefined ? {} : { body: JSON.stringify(body) } })
  }

  /** A run with a stream, cancelled in the middle of its message. */
  async cancelMidMessage (label: string): Promise<string> {
    const thread = await this.post('/threads', { messages: [{ role: 'user', content: label }] })
    const stream = new EventReader(await this.fetch('POST', `/threads/${thread.id}/runs`, { assistant_id: this.#assistantId, stream: true }))
    const run = await stream.until('thread.run.created')
    await stream.until('thread.message.delta')
    await this.post(`/threads/${thread.id}/runs/${run.id}/cancel`)
    const frames = await stream.all()
    await this.#leave(thread.id)
    return frames.at(-2)!.data.status
  }

  /** A run that is polled, cancelled before its first word. */
  async cancelBeforeFirstToken (label: string, asked: Promise<UpstreamRequest>): Promise<string> {
    const thread = await this.post('/threads', { messages: [{ role: 'user', content: label }] })
    const { id } = await this.post(`/threads/${thread.id}/runs`, { assistant_id: this.#assistantId })
    await asked
    await this.post(`/threads/${thread.id}/runs/${id}/cancel`)
    await (await this.fetch('GET', `/threads/${thread.id}/runs/${id}/stream`)).text()
    const run: any = await (await this.fetch('GET', `/threads/${thread.id}/runs/${id}`)).json()
    await this.#leave(thread.id)
    return run.status
  }

  /** The thread is free, and goes. */
  async #leave (threadId: string): Promise<void> {
    await this.post(`/threads/${threadId}/messages`, { role: 'user', content: 'Free?' })
    await (await this.fetch('DELETE', `/threads/${threadId}`)).json()
  }
}

test(`${RUNS} cancelled runs leave nothing behind`, { timeout: 600_000 }, async t => {
  const asked = new Map<string, (request: UpstreamRequest) => void>()
  const upstream = await startUpstream(t, {
    respond (request) {
      const label: string = request.body.messages.at(-1).content
      asked.get(label)?.(request)
      return label.startsWith('before') ? hang() : hang(text('Once upon a time'), 2)
    }
  })
  const service = await Service.start(t, upstream)
  const statuses = new Map<string, number>()
  let started = 0

  async function cancelRuns (count: number): Promise<void> {
    const end = started + count
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (started < end) {
        const number = started++
        const label = `${number % 2 === 0 ? 'before' : 'within'} ${number}`
        const request = new Promise<UpstreamRequest>(resolve => asked.set(label, resolve))
        const status = number % 2 === 0 ? await service.cancelBeforeFirstToken(label, request) : await service.cancelMidMessage(label)
        asked.delete(label)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }))
    await Promise.all(upstream.requests.map(async request => await request.aborted))
  }

  await cancelRuns(WARM_UP)
  const before = await service.measure()
  const from = performance.now()
  await cancelRuns(RUNS)
  const seconds = (performance.now() - from) / 1000
  const after = await service.measure()

  t.comment(`${RUNS} runs cancelled in ${seconds.toFixed(1)} s, ${AT_ONCE} at once, after ${WARM_UP} to warm up`)
  t.comment(`heap ${megabytes(before.heapBytes)} -> ${megabytes(after.heapBytes)}, resident ${megabytes(before.rssBytes)} -> ${megabytes(after.rssBytes)}`)
  t.comment(`handles ${before.handles.length} -> ${after.handles.length} (${[...new Set(after.handles)].join(', ')}), timers ${before.timers} -> ${after.timers}`)
  t.strictSame([...statuses], [['cancelled', WARM_UP + RUNS]], 'every run was cancelled')
  t.equal(upstream.chats.length, WARM_UP + RUNS)
  t.equal(upstream.abortedCount - WARM_UP, RUNS, 'and the vendor saw every request closed')
  t.ok(after.heapBytes <= before.heapBytes * GROWTH, `memory has grown by ${(after.heapBytes / before.heapBytes * 100 - 100).toFixed(1)} %`)
  t.ok(after.handles.length <= before.handles.length * GROWTH, `handles: ${before.handles.length} -> ${after.handles.length}`)
  t.ok(after.timers <= before.timers * GROWTH, `timers: ${before.timers} -> ${after.timers}`)
  await service.close()
})

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`
