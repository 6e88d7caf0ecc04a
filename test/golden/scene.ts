import type { Test } from 'tap'
import { openStorageUrl } from '../../storage/open.js'
import type { RecordStore } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { EventReader } from '../helpers/events.js'
import { connectTo, newAssistant, newThread, startServer, type Answer, type ApiClient, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { error, startUpstream, type Upstream, type UpstreamReply } from '../helpers/upstream.js'
import { ProcessView } from '../runs/helpers/process-view.js'
import { recordingOf } from './recording.js'
import { startStage, type SharedStage, type Stage } from './stage.js'

/** A run, as far as its paths go. */
export interface RunRef {
  id: string
  thread_id: string
}

export const pathOf = (run: RunRef): string => `/threads/${run.thread_id}/runs/${run.id}`

/** The one value of `include[]`. */
export const INCLUDE = 'include[]=step_details.tool_calls[*].file_search.results[*].content'

/** One flow: what is done to a server. The scene keeps what came of it. */
export interface Flow {
  /** A sentence for the reader of the recording. */
  about: string
  play (scene: Scene): Promise<void>
}

export type Flows = Record<string, Flow>

/**
 * Plays one flow on one store and writes down what is said on both sides of the server: requests and their answers, what can be read
 * of the run in the end, and what the model was sent.
 */
export class Scene {
  readonly t: Test
  readonly #shared: SharedStage
  readonly #script: UpstreamReply[] = []
  /** Requests and their answers, in the order of the requests. */
  readonly #wire: object[] = []
  readonly #finally: Record<string, unknown> = {}
  #stage: Stage | undefined
  #api: ApiClient | undefined
  #lives: Lives | undefined

  constructor (t: Test, shared: SharedStage) {
    this.t = t
    this.#shared = shared
  }

  /** What the model answers next. */
  model (...replies: UpstreamReply[]): void {
    this.#script.push(...replies)
  }

  /** A fresh place for data. */
  storage (): string {
    return this.#shared.store.url(this.t)
  }

  /** A server of the flow's own, with options or with a time that the flow may move. Without it the flow is played on the shared one. */
  async own (options: TestServerOptions = {}): Promise<Stage> {
    const stage = await startStage(this.t, this.#shared.store, options)
    this.#enter(stage, stage.server)
    return stage
  }

  /**
   * A server that can die and live again, on the same data and in front of the same model: the first call starts it, any later one its
   * next life.
   */
  async live (options: TestServerOptions = {}): Promise<Life> {
    this.#lives ??= new Lives(this.t, this.storage(), await startUpstream(this.t))
    const { upstream, clock } = this.#lives
    const life = await this.#lives.begin(options)
    this.#enter({ upstream, clock, server: life.server }, life.server)
    return life
  }

  async #ready (): Promise<ApiClient> {
    if (this.#api !== undefined) return this.#api
    const stage = await this.#shared.get()
    stage.upstream.requests.length = 0
    this.#enter(stage, connectTo(this.t, stage.server.baseURL))
    return await this.#ready()
  }

  #enter (stage: Stage, api: ApiClient): void {
    this.#stage = stage
    this.#api = api
    stage.upstream.respond(() => this.#script.shift() ?? error(400, 'The flow has scripted no more answers.'))
  }

  /** The API itself, for what does not go into the recording. */
  async api (): Promise<ApiClient> {
    return await this.#ready()
  }

  /** The vector store of this server: made for the first flow that asks. */
  async vectorStore (make: (api: ApiClient) => Promise<string>): Promise<string> {
    const api = await this.#ready()
    const stage = this.#stage as Stage
    stage.vectorStore ??= make(api)
    return await stage.vectorStore
  }

  /** An assistant and a thread with one message: what a run of them is created with, and where. */
  async runnable (fields: object = {}, words = 'Hello?'): Promise<{ path: string, assistant: any, thread: any, body: { assistant_id: string } }> {
    const api = await this.#ready()
    const assistant = await newAssistant(api, fields)
    const thread = await newThread(api, words)
    return { assistant, thread, path: `/threads/${thread.id}/runs`, body: { assistant_id: assistant.id } }
  }

  /** A new run on a new thread, not streamed. */
  async create (fields: object = {}, assistant: object = {}): Promise<any> {
    const { path, body } = await this.runnable(assistant)
    return (await this.post(path, { ...body, ...fields })).body
  }

  /** The stream of a new run on a new thread, and the run as it was created. */
  async begin (fields: object = {}, assistant: object = {}, query = ''): Promise<{ reader: EventReader, run: any }> {
    const { path, body } = await this.runnable(assistant)
    const reader = await this.stream(path + query, { ...body, ...fields })
    return { reader, run: await reader.until('thread.run.created') }
  }

  /** The same, read to its end. */
  async run (fields: object = {}, assistant: object = {}, query = ''): Promise<any> {
    const { reader, run } = await this.begin(fields, assistant, query)
    await reader.all()
    return run
  }

  async post (path: string, body: object = {}): Promise<Answer> {
    return await this.#exchange({ POST: path, body }, async api => await api.post(path, body))
  }

  async get (path: string): Promise<Answer> {
    return await this.#exchange({ GET: path }, async api => await api.get(path))
  }

  async delete (path: string): Promise<Answer> {
    return await this.#exchange({ DELETE: path }, async api => await api.delete(path))
  }

  async #exchange (request: object, send: (api: ApiClient) => Promise<Answer>): Promise<Answer> {
    const api = await this.#ready()
    const place = this.#wire.push(request) - 1
    const answer = await send(api)
    this.#wire[place] = { ...request, status: answer.status, answer: answer.body }
    return answer
  }

  /** A POST that is answered with a stream, of which the recording has as much as the flow reads. */
  async stream (path: string, body: object = {}): Promise<EventReader> {
    const reader = await (await this.#ready()).stream(path, body)
    this.#wire.push({ POST: path, body: { ...body, stream: true }, frames: reader.frames })
    return reader
  }

  /** As `stream`, where the events are known not to come as `StreamRules` want them. */
  async streamUnchecked (path: string, body: object = {}): Promise<EventReader> {
    const sent = { ...body, stream: true }
    const reader = await this.#unchecked(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(sent) })
    this.#wire.push({ POST: path, body: sent, frames: reader.frames })
    return reader
  }

  /** The stream that goes on after outputs were submitted. */
  async submit (run: RunRef, outputs: Record<string, string>): Promise<EventReader> {
    return await this.stream(`${pathOf(run)}/submit_tool_outputs`, outputsOf(outputs))
  }

  /** Joins a run's stream. */
  async join (run: RunRef, lastEventId?: string): Promise<EventReader> {
    const path = `${pathOf(run)}/stream`
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    const reader = await (await this.#ready()).follow(path, headers)
    this.#wire.push({ GET: path, ...lastEventId === undefined ? {} : { headers }, frames: reader.frames })
    return reader
  }

  /** The id of one event of a run, which only joined streams show. Not part of the recording. */
  async idOf (run: RunRef, place: number): Promise<string> {
    const reader = await (await this.#ready()).follow(`${pathOf(run)}/stream`)
    while (reader.frames.length <= place) await reader.next()
    await reader.leave()
    return reader.frames[place]?.id ?? ''
  }

  /** As `join`, where the events are known not to come as `StreamRules` want them. */
  async joinUnchecked (run: RunRef): Promise<EventReader> {
    const path = `${pathOf(run)}/stream`
    const reader = await this.#unchecked(path)
    this.#wire.push({ GET: path, frames: reader.frames })
    return reader
  }

  async #unchecked (path: string, init: RequestInit = {}): Promise<EventReader> {
    const { baseURL } = await this.#ready()
    return new EventReader(await fetch(baseURL + path, init))
  }

  /** Makes the shared server forget the events of a run that has ended, so that they are told from its records. */
  async forget (run: RunRef): Promise<void> {
    const { clock } = await this.#shared.get()
    const api = await this.#ready()
    const tag = async (): Promise<string | undefined> => {
      const reader = await api.follow(`${pathOf(run)}/stream`)
      const first = await reader.next()
      await reader.leave()
      return first?.id?.split('-')[0]
    }
    const live = await tag()
    // The timer is set a moment after the run has ended.
    do await clock.advance(0)
    while (await tag() === live)
  }

  /** Enters what came by another way than a request. */
  note (entry: object): void {
    this.#wire.push(entry)
  }

  /** The run once it waits for the client or has ended. Asks until it does. */
  async rested (run: RunRef): Promise<any> {
    return await this.reaches(run, 'requires_action', 'completed', 'failed', 'cancelled', 'expired', 'incomplete')
  }

  async reaches (run: RunRef, ...statuses: string[]): Promise<any> {
    const api = await this.#ready()
    for (;;) {
      const { body } = await api.get(pathOf(run))
      if (statuses.includes(body.status)) return body
    }
  }

  async steps (run: RunRef, query = ''): Promise<any> {
    return (await (await this.#ready()).get(`${pathOf(run)}/steps?order=asc&limit=100${query}`)).body
  }

  /** Enters what is to be read of a run once it rests: itself, its steps, the messages of its thread. */
  async leave (run: RunRef, { include = false } = {}): Promise<any> {
    const rested = await this.rested(run)
    const api = await this.#ready()
    Object.assign(this.#finally, {
      run: rested,
      steps: await this.steps(run),
      ...include ? { 'steps with include[]': await this.steps(run, `&${INCLUDE}`) } : {},
      messages: (await api.get(`/threads/${run.thread_id}/messages?order=asc&limit=100`)).body
    })
    return rested
  }

  /** Enters what is to be read in the end, for a flow without a server. */
  leaveWith (objects: Record<string, unknown>): void {
    Object.assign(this.#finally, objects)
  }

  /** The whole recording. */
  recording (about: string): string {
    this.t.equal(this.#script.length, 0, 'the model was asked for all that was scripted')
    const chats = this.#stage?.upstream.chats ?? []
    return recordingOf({ about, wire: this.#wire, finally: this.#finally, model: chats.map(({ body }) => body) })
  }
}

export const outputsOf = (outputs: Record<string, string>): object => ({
  tool_outputs: Object.entries(outputs).map(([id, output]) => ({ tool_call_id: id, output }))
})

const DEFAULT_LEASE_MS = 15_000

/** One life of a server. */
export interface Life {
  server: TestServer
  upstream: Upstream
  clock: ManualClock
  /** Holds back the next write that matches. */
  hold: ProcessView['hold']
  /** Dies as with `kill -9`, and its leases lapse: what is in the store stays as it is, or as `change` makes it. */
  crash (change?: (records: RecordStore) => Promise<void>): Promise<void>
  /** Stops as a process does that is asked to: runs are handed over. */
  stop (): Promise<void>
}

class Lives {
  readonly upstream: Upstream
  readonly clock = new ManualClock()
  readonly #t: Test
  readonly #url: string
  #inMemory: ReturnType<typeof openStorageUrl> | undefined
  #hasBegun = false

  constructor (t: Test, url: string, upstream: Upstream) {
    this.#t = t
    this.#url = url
    this.upstream = upstream
  }

  async begin (options: TestServerOptions): Promise<Life> {
    const { upstream, clock } = this
    const storage = this.#open()
    const { records } = storage
    const view = new ProcessView(records, { shared: records.supports.shared })
    const server = await startServer(this.#t, { upstream, clock, storage: view, mayLogErrors: true, ...options })
    const end = async (): Promise<void> => {
      await server.close()
      if (storage !== this.#inMemory) await storage.disconnect()
    }
    this.#t.teardown(end)
    // On a shared store an instance watches the leases that it finds before it takes them.
    if (this.#hasBegun && records.supports.shared) await clock.elapse(DEFAULT_LEASE_MS / 2)
    this.#hasBegun = true
    return {
      server,
      upstream,
      clock,
      hold: matches => view.hold(matches),
      async crash (change) {
        view.die()
        await change?.(records)
        await end()
        await clock.advance(60_000)
      },
      stop: end
    }
  }

  /** What is only in memory outlives its server as the object that it is. */
  #open (): ReturnType<typeof openStorageUrl> {
    if (this.#inMemory !== undefined) return this.#inMemory
    const storage = openStorageUrl(this.#url)
    if (this.#url === 'memory:') this.#inMemory = storage
    return storage
  }
}
