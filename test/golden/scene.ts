import type { Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import type { EventReader } from '../helpers/events.js'
import { newAssistant, newThread, startServer, stopped, type Answer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { startUpstream, type Upstream } from '../helpers/upstream.js'
import { printed, normalised } from './recording.js'

/** A run, as far as its paths go. */
export interface RunRef {
  id: string
  thread_id: string
}

export const pathOf = (run: RunRef): string => `/threads/${run.thread_id}/runs/${run.id}`

/** The one value of `include[]`. */
export const INCLUDE = 'include[]=step_details.tool_calls[*].file_search.results[*].content'

/** One flow: what is done to a server, and what is kept of its answers. */
export interface Flow {
  /** A sentence for the reader of the recording. */
  about: string
  play (scene: Scene): Promise<void>
}

/** A server whose every answer is written down, in front of a scripted model, in a time that stands still until the flow moves it. */
export class Scene {
  readonly t: Test
  readonly clock = new ManualClock()
  readonly upstream: Upstream
  /** Where everything is kept, as the option `storage` takes it. */
  readonly storage: string
  #server: TestServer | undefined
  /** Requests and their answers, in the order of the requests. */
  readonly #wire: object[] = []
  readonly #finally: Record<string, unknown> = {}

  private constructor (t: Test, storage: string, upstream: Upstream) {
    this.t = t
    this.storage = storage
    this.upstream = upstream
  }

  static async open (t: Test, storage: string): Promise<Scene> {
    return new Scene(t, storage, await startUpstream(t))
  }

  get server (): TestServer {
    if (this.#server === undefined) throw new Error('the flow has started no server')
    return this.#server
  }

  async start (options: TestServerOptions = {}): Promise<TestServer> {
    this.#server = await startServer(this.t, { upstream: this.upstream, storage: this.storage, clock: this.clock, ...options })
    return this.#server
  }

  /** An assistant and a thread with one message; what a run of them is created with, and where. */
  async runnable (fields: object = {}, text = 'Hello?'): Promise<{ path: string, assistant: any, thread: any, body: { assistant_id: string } }> {
    const assistant = await newAssistant(this.server, fields)
    const thread = await newThread(this.server, text)
    return { assistant, thread, path: `/threads/${thread.id}/runs`, body: { assistant_id: assistant.id } }
  }

  /** Streams a new run of a new thread. */
  async run (fields: object = {}, assistant: object = {}): Promise<EventReader> {
    const { path, body } = await this.runnable(assistant)
    return await this.stream(path, { ...body, ...fields })
  }

  async post (path: string, body: object = {}): Promise<Answer> {
    const entry = { POST: path, body }
    const place = this.#wire.push(entry) - 1
    const answer = await this.server.post(path, body)
    this.#wire[place] = { ...entry, status: answer.status, answer: answer.body }
    return answer
  }

  /** A POST that is answered with a stream, of which the recording has as much as the flow has read by its end. */
  async stream (path: string, body: object = {}): Promise<EventReader> {
    const reader = await this.server.stream(path, body)
    this.#wire.push({ POST: path, body: { ...body, stream: true }, frames: reader.frames })
    return reader
  }

  /** Joins a run's stream. */
  async follow (run: RunRef, lastEventId?: string): Promise<EventReader> {
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    const reader = await this.server.follow(`${pathOf(run)}/stream`, headers)
    this.#wire.push({ GET: `${pathOf(run)}/stream`, headers, frames: reader.frames })
    return reader
  }

  /** What a flow has from elsewhere than a server. */
  note (entry: object): void {
    this.#wire.push(entry)
  }

  /** The run once it waits for the client or has ended. Asks until it does. */
  async rested (run: RunRef): Promise<any> {
    return await stopped(this.server, run)
  }

  /** What is left to be read of a run once it rests: itself, its steps, the messages of its thread. */
  async leave (run: RunRef, { include = false } = {}): Promise<any> {
    const rested = await this.rested(run)
    const list = async (path: string): Promise<unknown> => (await this.server.get(`${path}order=asc&limit=100`)).body
    Object.assign(this.#finally, {
      run: rested,
      steps: await list(`${pathOf(run)}/steps?`),
      ...include ? { 'steps with include[]': await list(`${pathOf(run)}/steps?${INCLUDE}&`) } : {},
      messages: await list(`/threads/${run.thread_id}/messages?`)
    })
    return rested
  }

  /** The whole recording. `model` is what the vendor was sent. */
  recording (about: string): string {
    const model = this.upstream.chats.map(({ body }) => body)
    return `${printed(normalised({ about, wire: this.#wire, finally: this.#finally, model }))}\n`
  }
}
