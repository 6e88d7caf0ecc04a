import type { Test } from 'tap'
import { EventReader, type Frame } from '../../helpers/events.js'
import { newAssistant, newThread, type TestServer } from '../../helpers/server.js'
import { sdks, type Sdk } from '../../helpers/sdk.js'
import { watchOf } from '../../helpers/watch.js'

/** A stream that is read frame by frame and kept as it came. */
export interface Recorded extends EventReader {
  /** The text of the whole stream, once it is over. */
  bytes: Promise<string>
  threadId: string
}

/** A new thread with one message, and a run on it whose events are streamed. */
export async function streamRun (t: Test, server: TestServer, fields: object = {}, assistant: object = {}): Promise<Recorded> {
  const { id } = await newAssistant(server, assistant)
  const thread = await newThread(server, 'Hello?')
  return await record(t, server, thread.id, `/threads/${thread.id}/runs`, { assistant_id: id, ...fields })
}

/** The stream that goes on after outputs were submitted. */
export async function streamOutputs (t: Test, server: TestServer, run: any, outputs: object[]): Promise<Recorded> {
  return await record(t, server, run.thread_id, `/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: outputs })
}

async function record (t: Test, server: TestServer, threadId: string, path: string, body: object): Promise<Recorded> {
  const fetch = watchOf(t).fetchFrom(server.baseURL)
  const response = await fetch(server.baseURL + path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...body, stream: true })
  })
  if (response.status !== 200) throw new Error(await response.text())
  const bytes = response.clone().text()
  bytes.catch(() => {})
  return Object.assign(new EventReader(response), { bytes, threadId })
}

/** What the SDK's own helper makes of a stream. */
interface Consumed {
  events: string[]
  run: any
  steps: any[]
  messages: any[]
}

/** Feeds a recorded stream to the stream helper of one major. Rejects where an application would see an error. */
export async function consume (sdk: Sdk, bytes: string): Promise<Consumed> {
  const client = sdk.connect({
    baseURL: 'http://recorded.test/v1',
    apiKey: 'sk-test',
    maxRetries: 0,
    fetch: (async () => new Response(bytes, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })) as never
  })
  const stream = client.beta.threads.runs.stream('thread_recorded', { assistant_id: 'asst_recorded' })
  const events: string[] = []
  stream.on('event', ({ event }) => { events.push(event) })
  const [run, steps, messages] = await Promise.all([stream.finalRun(), stream.finalRunSteps(), stream.finalMessages()])
  return { events, run, steps, messages }
}

/** Every major's helper reads the same bytes without an error and ends with what the frames say. */
export async function consumedBySdks (t: Test, reader: Recorded, majors: readonly Sdk[] = sdks): Promise<void> {
  const bytes = await reader.bytes
  const { frames } = reader
  const last = (pattern: RegExp): any[] => [...new Map(frames.filter(({ event }) => pattern.test(event)).map(({ data }) => [data.id, data])).values()]
  const [run] = last(/^thread\.run\.(?!step)/)
  for (const sdk of majors) {
    const consumed = await consume(sdk, bytes)
    t.strictSame(consumed.events, frames.filter(({ event }) => event !== 'done').map(({ event }) => event), `${sdk.name}: every event`)
    t.strictSame(consumed.run, run, `${sdk.name}: the run as it ended`)
    // The helper adds deltas up; the status it saw first stays.
    t.strictSame(consumed.messages.map(told), last(/^thread\.message\.(?!delta)/).map(told), `${sdk.name}: the messages' words`)
    t.strictSame(consumed.steps.map(({ id }) => id), last(/^thread\.run\.step\.(?!delta)/).map(({ id }) => id), `${sdk.name}: the steps`)
    for (const step of last(/^thread\.run\.step\.(?!delta)/)) {
      const known = consumed.steps.find(({ id }) => id === step.id)
      if (known !== undefined && step.status === 'completed') t.strictSame(known.step_details, step.step_details, `${sdk.name}: the step as it ended`)
    }
  }
}

const told = ({ id, content }: any): unknown => ({ id, parts: content.map((part: any) => part.text?.value ?? part.refusal ?? part.type) })

/** The last payload of an event. */
export function lastOf (frames: readonly Frame[], event: string): any {
  return frames.findLast(frame => frame.event === event)?.data
}

export const HEAD = ['run.created', 'run.queued', 'run.in_progress']
export const MESSAGE = ['run.step.created', 'run.step.in_progress', 'message.created', 'message.in_progress', 'message.delta']
export const SAID = [...MESSAGE, 'message.completed', 'run.step.completed']
export const CALLED = ['run.step.created', 'run.step.in_progress', 'run.step.delta']

/** Joins a run's stream. `last` is the id of the last event that the reader has seen; the signal cuts the connection. */
export async function join (t: Test, server: TestServer, run: { id: string, thread_id: string }, last?: string, signal?: AbortSignal): Promise<EventReader> {
  const response = await joining(t, server, run, last, signal)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return new EventReader(response)
}

export async function joining (t: Test, server: TestServer, run: { id: string, thread_id: string }, last?: string, signal?: AbortSignal): Promise<Response> {
  return await watchOf(t).fetchFrom(server.baseURL)(`${server.baseURL}/threads/${run.thread_id}/runs/${run.id}/stream`, {
    headers: last === undefined ? {} : { 'last-event-id': last },
    ...signal === undefined ? {} : { signal }
  })
}
