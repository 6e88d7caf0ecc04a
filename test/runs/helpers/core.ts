import type { Test } from 'tap'
import { Core } from '../../../lib/core.js'
import type { ProjectApi } from '../../../lib/project-api.js'
import type { Logger } from '../../../lib/shared/log.js'
import { resolveOptions, type OpenAICompatOptions } from '../../../lib/options/options.js'
import { readEvents } from '../../../lib/dialects/assistants/read-events.js'
import type { EventLog } from '../../../lib/runs/events/event-log.js'
import type { StartedRun } from '../../../lib/dialects/assistants/runs.js'
import type { Run } from '../../../schemas/runs.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import { startUpstream, type Upstream, type UpstreamReply } from '../../helpers/upstream.js'

export interface TestCore extends ProjectApi {
  core: Core
  upstream: Upstream
  /** What was logged as an error or a warning. */
  logged: { level: 'error' | 'warn', message: string }[]
}

export interface TestCoreOptions extends OpenAICompatOptions {
  /** Default: a new one. */
  upstream?: Upstream
  script?: UpstreamReply[]
}

/** The service without a server, as a script would drive it. Stopped when the test ends. */
export async function startCore (t: Test, options: TestCoreOptions = {}): Promise<TestCore> {
  const { upstream: given, script = [], ...rest } = options
  const upstream = given ?? await startUpstream(t, { script })
  const logged: TestCore['logged'] = []
  const provider = rest.providers === undefined ? { provider: { baseURL: upstream.url, maxRetries: 0 } } : {}
  const core = new Core(resolveOptions({ ...provider, ...rest }), logger(logged))
  t.teardown(async () => await core.stop())
  await core.start()
  return { core, upstream, logged, ...core.project('default') }
}

function logger (logged: TestCore['logged']): Logger {
  return {
    debug () {},
    info () {},
    warn: (_details, message) => { logged.push({ level: 'warn', message }) },
    error: (_details, message) => { logged.push({ level: 'error', message }) }
  }
}

/** A new thread with one message, and a run on it. */
export async function startRun (core: TestCore, fields: object = {}, assistantFields: object = {}): Promise<StartedRun> {
  const assistant = await core.assistants.create({ model: 'test-model', instructions: 'Be brief.', ...assistantFields })
  const thread = await core.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  return await core.runs.create(thread.id, { assistant_id: assistant.id, ...fields })
}

/** The events from `from` to the next `done`, or to where the log is closed. */
export async function eventsOf (log: EventLog, from = log.stretchStart): Promise<StreamEvent[]> {
  const events: StreamEvent[] = []
  for await (const event of readEvents(log, from, new AbortController().signal)) events.push(event)
  return events
}

/** Waits for the run to end or to ask for outputs, and gives it as it is stored. */
export async function restingRun (core: ProjectApi, run: Run): Promise<Run> {
  await eventsOf(await core.runs.join(run.thread_id, run.id))
  return await core.runs.get(run.thread_id, run.id)
}

/** Names of events without `thread.`, deltas in a row as one. */
export function names (events: readonly StreamEvent[]): string[] {
  return events.map(({ event }) => event.replace(/^thread\./, '')).filter((name, i, all) => !(name.endsWith('.delta') && all[i - 1] === name))
}

/** Lets whatever can go on without the world outside do so. */
export async function settle (turns = 10): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Waits for an event of this name, from the beginning of the log. */
export async function told (log: EventLog, name: StreamEvent['event']): Promise<void> {
  const reading = new AbortController()
  for await (const batch of log.follow(log.firstId, reading.signal)) {
    if (batch.some(({ event }) => event === name)) return
  }
  throw new Error(`the log ended without ${name}`)
}

/** Looks again and again, for what no event tells. */
export async function until (condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await settle(1)
}
