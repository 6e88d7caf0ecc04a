import type { Assistant } from '../../../schemas/assistants.js'
import type { ListResponse } from '../../../schemas/common.js'
import type { Message } from '../../../schemas/messages.js'
import type { RunStep } from '../../../schemas/run-steps.js'
import type { CreateRunRequest, CreateThreadAndRunRequest, Run, SubmitToolOutputsRequest, UpdateRunRequest } from '../../../schemas/runs.js'
import type { StreamEvent } from '../../../schemas/stream-events.js'
import { KIND, PARTITION, RUN_LOCK_ID } from '../../../storage/layout.js'
import { getAnyway } from '../../../storage/get-anyway.js'
import type { StoredRecord, WriteItem } from '../../../storage/record-store.js'
import { isUncertain } from '../../shared/certain-store.js'
import { unixSeconds } from '../../shared/clock.js'
import { ApiError, badRequest, notFound } from '../../shared/errors.js'
import { newId } from '../../shared/ids.js'
import { listRecords, type ListParams } from '../../shared/pagination.js'
import type { Scope } from '../../shared/scope.js'
import { untilWritten } from '../../shared/until-written.js'
import { writeAfter } from '../../shared/write-after.js'
import { Locked } from '../../shared/thread-locks.js'
import type { RunEngine } from '../../runs/engine.js'
import type { Scribe } from '../../runs/dialect.js'
import type { EventLog } from '../../runs/events/event-log.js'
import type { Item } from '../../runs/items.js'
import { indexEntry, unindexJob, type JobLease } from '../../runs/lease.js'
import type { JobKey } from '../../runs/job.js'
import { Assistants } from '../../threads/assistants.js'
import { freeingItems, loadLock, lockRecord, type RunLock } from '../../threads/lock.js'
import { newMessage, putMessage } from '../../threads/new-message.js'
import { Threads } from '../../threads/threads.js'
import type { BuiltInTools } from '../../tools/built-in-tools.js'
import { hasSeat } from '../../usage/seats.js'
import { ToolResourceChanges, useResources } from '../../tools/tool-resources.js'
import { runCreated, runEvent, stepEvent } from './events.js'
import { loadInclude, loadSteps, loadTurn, putInclude, putStep, runKey, withIncluded, type TurnState } from './records.js'
import { remakeLock } from './remake-lock.js'
import { replay } from './replay.js'
import { AssistantsScribe } from './scribe.js'
import { isActive, transition } from './state.js'

/** A run that was started, and where its readers begin. */
export interface StartedRun {
  run: Run
  log: EventLog
  /** The first event that belongs to this request. */
  from: number
}

/** A run that this instance is about to go on with. */
interface Beginning {
  /** As the answer shows it: queued. */
  run: Run
  /** As it is written: nothing is gained by a record of a run that waits for this very instance. */
  started: Run
  lease: JobLease
}

/** A run before it is written. */
interface FirstRecords extends Beginning {
  messages: Message[]
  items: WriteItem[]
  /** Whether it brings something for the model to read. */
  hasPrompt: boolean
}

/** Values of `include[]`: what steps are shown with. */
interface StepInclude {
  include?: readonly string[] | undefined
}

/** Who starts a run or goes on with one. */
interface StartedBy {
  /** Whose tokens it uses, apart from the project's. */
  payer?: JobLease['payer']
}

/** Of a run under way, where the project may have so many. */
interface RunSeat {
  thread_id: string
  /** Milliseconds since the epoch. */
  created: number
}

/** A run that is not there this long after it took its seat will not come. */
const SEAT_GRACE_MS = 60_000

type NewRun = Omit<CreateRunRequest, 'assistant_id'>

export interface RunSettings {
  /** Runs of a project that have not ended. Undefined: no bound. */
  maxActive?: number | undefined
  /** Seconds from a run's creation to its expiry. */
  expiresAfterS: number
  /** Throws when a new run's metadata asks for what the server does not allow. */
  checkMetadata (metadata: Run['metadata'] | null | undefined): void
  /** Whether a run with these tools offers a function of this name: one of its own, or one that the server runs. */
  offersFunction (name: string, tools: Run['tools']): boolean
  /** A run begins, or goes on after its client has answered. */
  onBegun (threadId: string): void
}

/** Runs and run steps of one project (API reference, "Runs", "Run steps"). */
export class Runs {
  readonly #scope: Scope
  readonly #engine: RunEngine
  readonly #tools: BuiltInTools
  readonly #settings: RunSettings
  readonly #assistants: Assistants
  readonly #threads: Threads

  constructor (scope: Scope, engine: RunEngine, tools: BuiltInTools, settings: RunSettings) {
    this.#scope = scope
    this.#engine = engine
    this.#tools = tools
    this.#settings = settings
    this.#assistants = new Assistants(scope, tools)
    this.#threads = new Threads(scope, tools)
  }

  /**
   * Stores the run with its additional messages, takes the thread's lock in the same write, and starts it. Nothing is
   * stored when the thread already has an active run.
   *
   * @param include what the events of its steps are to show.
   */
  async create (threadId: string, request: CreateRunRequest, { include, payer }: StepInclude & StartedBy = {}): Promise<StartedRun> {
    const { records, clock, project, locks } = this.#scope
    const [assistant] = await Promise.all([this.#assistants.get(request.assistant_id), this.#threads.get(threadId)])
    const key = runKey(project, threadId, newId.run())
    await this.#takeSeat(key)
    let started: FirstRecords | Locked | undefined
    try {
      started = await ToolResourceChanges.during(this.#scope, this.#tools, async changes => await locks.runWhenUnlocked(project, threadId, async () => await untilWritten(async () => {
        const first = await this.#first(key, assistant, request, { changes, payer })
        if (!first.hasPrompt && !await this.#hasMessages(threadId)) throw nothingToRun()
        const thread = await this.#threads.load(threadId)
        const active = await loadLock(this.#scope, threadId)
        if (active !== undefined) return new Locked(active.run_id)
        await useResources(this.#scope, this.#tools, thread.body.tool_resources, first.run.tool_resources ?? null)
        const resources = await changes.attach(thread.body.tool_resources, first.messages)
        const included = putInclude(key, include)
        const written = await writeAfter(records, [indexEntry(key, clock.now())], { project, partition: threadId },
          [Threads.putResources(thread, resources), ...first.items, ...included === undefined ? [] : [included]])
        if (written) {
          changes.keep(resources)
          return first
        }
        const lock = await loadLock(this.#scope, threadId)
        return lock === undefined ? undefined : new Locked(lock.run_id)
      })))
      if (started instanceof Locked) throw badRequest(`Thread ${threadId} already has an active run ${started.runId}.`)
    } catch (error) {
      // A run that may have been written, or may yet be, is left to recovery.
      if (!isUncertain(error)) await Promise.all([unindexJob(records, key.jobId), this.leaveSeat(key.jobId)])
      throw error
    }
    return this.#launchNew(key, started, [], include)
  }

  /** A thread and its first run, in one write. */
  async createWithThread (request: CreateThreadAndRunRequest, { payer }: StartedBy = {}): Promise<StartedRun> {
    const { thread: threadRequest, tool_resources: resources, ...runRequest } = request
    const { clock, project } = this.#scope
    const assistant = await this.#assistants.get(request.assistant_id)
    const own = threadRequest ?? {}
    const runId = newId.run()
    let first: FirstRecords | undefined
    const thread = await this.#threads.create(own, async ({ id: threadId, tool_resources: resourcesOfThread }) => {
      const key = runKey(project, threadId, runId)
      first = await ToolResourceChanges.during(this.#scope, this.#tools, async changes => await this.#first(key, assistant, runRequest, { changes, payer, resources }))
      if (!first.hasPrompt && (own.messages ?? []).length === 0) throw nothingToRun()
      await useResources(this.#scope, this.#tools, resourcesOfThread, first.run.tool_resources ?? null)
      await this.#takeSeat(key)
      return { items: first.items, before: [indexEntry(key, clock.now())] }
    })
    if (first === undefined) throw new Error('a thread came into being without its run')
    return this.#launchNew(runKey(project, thread.id, runId), first, [{ event: 'thread.created', data: thread }])
  }

  /** Throws the 404, of the thread first. A run past its time is expired before it is shown. */
  async get (threadId: string, id: string): Promise<Run> {
    return (await this.#current(threadId, id)).body
  }

  /** The events of a run that goes on or has ended: as they were published, or, when they are no longer kept, made from the records. */
  async join (threadId: string, id: string): Promise<EventLog> {
    const { body: run } = await this.#current(threadId, id)
    const live = await this.#engine.joinLog(this.#key(run), run)
    if (live !== undefined) return live
    // Read again: it may have ended while its executor was asked.
    const { body: now } = await this.#load(threadId, id)
    const key = this.#key(now)
    const { records } = this.#scope
    const [steps, include] = await Promise.all([loadSteps(records, key), loadInclude(records, key, this.#tools, now.tools)])
    const log = replay(now, steps, { tools: this.#tools, include })
    return log.isClosed ? log : this.#engine.adoptLog(key, now, log)
  }

  async list (threadId: string, params: ListParams): Promise<ListResponse<Run>> {
    await this.#threads.load(threadId)
    const load = async (): Promise<ListResponse<Run>> => await listRecords<Run>(this.#scope, { partition: threadId, kind: KIND.run }, params, id => notFound('run', id))
    const page = await load()
    // One run of a thread is active at a time.
    const overdue = page.data.find(run => this.#isOverdue(run))
    if (overdue === undefined) return page
    await this.#engine.expire(this.#key(overdue))
    return await load()
  }

  /** Only metadata can change, and only once the run has ended (API reference, "Modify run"). */
  async update (threadId: string, id: string, request: UpdateRunRequest): Promise<Run> {
    return await untilWritten(async () => {
      const { body: old, version } = await this.#current(threadId, id)
      if (isActive(old.status)) throw badRequest(`Cannot update run with status '${old.status}'.`)
      const next: Run = { ...old, metadata: request.metadata === undefined ? old.metadata : request.metadata ?? {} }
      return await this.#write(threadId, [{ op: 'put', kind: KIND.run, id, body: next, expect: version }]) ? next : undefined
    })
  }

  /** Answers as soon as the run is marked; it ends in the background (API reference, "Cancel a run"). */
  async cancel (threadId: string, id: string): Promise<Run> {
    const key = runKey(this.#scope.project, threadId, id)
    const run = await this.#engine.wake(key, async () => await untilWritten(async () => {
      const { body: old, version } = await this.#current(threadId, id)
      if (old.status === 'cancelling') return old
      if (!isActive(old.status)) throw badRequest(`Cannot cancel run with status '${old.status}'.`)
      const next = transition(old, { to: 'cancelling' })
      return await this.#write(threadId, [{ op: 'put', kind: KIND.run, id, body: next, expect: version }]) ? next : undefined
    }))
    this.#engine.cancelSoon(key)
    return run
  }

  /** All outputs that the run waits for, at once; then it goes on here (API reference, "Submit tool outputs to run"). */
  async submitToolOutputs (threadId: string, id: string, request: SubmitToolOutputsRequest, { payer }: StartedBy = {}): Promise<StartedRun> {
    const lease = this.#engine.newLease(payer)
    const key = runKey(this.#scope.project, threadId, id)
    const { step, turn, version, ...beginning } = await this.#engine.wake(key, async () => await untilWritten(async () => {
      const { body: old, version } = await this.#current(threadId, id)
      if (old.status !== 'requires_action' || old.required_action === null) {
        throw badRequest(`Runs in status "${old.status}" do not accept tool outputs.`)
      }
      const outputs = matchOutputs(old.required_action.submit_tool_outputs.tool_calls.map(call => call.id), request.tool_outputs)
      const answered = await this.#answered(key, outputs)
      // Another instance was faster, and has gone on already.
      if (answered === undefined) return undefined
      const { step, turn } = answered
      const next = transition(old, { to: 'queued' })
      const started = transition(next, { to: 'in_progress', at: unixSeconds(this.#scope.clock) })
      const written = await this.#write(threadId, [
        { op: 'put', kind: KIND.run, id, body: started, expect: version },
        { op: 'put', kind: KIND.lease, id, body: lease, expect: 'absent' },
        putStep(step)
      ])
      return written ? { run: next, started, lease, step, turn, version: version + 1 } : undefined
    }))
    const { records } = this.#scope
    const { started } = beginning
    const include = await loadInclude(records, key, this.#tools, started.tools)
    const scribe = new AssistantsScribe({ records, key, body: started, tools: this.#tools, include })
    return this.#launch(key, beginning, { version, scribe, items: await scribe.load(), before: [stepEvent(withIncluded(step, turn, this.#tools, include))] })
  }

  /** A thread with everything in it, its run under way included. */
  async deleteThread (threadId: string): Promise<void> {
    await this.#threads.delete(threadId)
    this.#engine.abandon(threadId)
  }

  /** Unlocks a thread whose lock names a run that is unknown, has ended or is past its time. False when the run holds it. */
  async freeLock (threadId: string, id: string): Promise<boolean> {
    const { records, project } = this.#scope
    const run = await getAnyway<Run>(records, { project, partition: threadId, kind: KIND.run, id })
    if (run?.body !== undefined && isActive(run.body.status)) {
      if (!this.#isOverdue(run.body)) return false
      await this.#engine.expire(this.#key(run.body))
      return true
    }
    // Read after the run has ended, which unlocks the thread: the lock is not one that the run still held a moment ago.
    const freeing = await freeingItems(records, project, threadId)
    const lock = await getAnyway<RunLock>(records, lockRecord(project, threadId))
    if (lock !== undefined && lock.body === undefined) await remakeLock(records, project, threadId, lock.version)
    else if (lock?.body?.run_id === id) {
      await this.#write(threadId, [
        ...freeing,
        { op: 'check', kind: KIND.run, id, expect: run?.version ?? 'absent' },
        { op: 'delete', kind: KIND.lock, id: RUN_LOCK_ID, expect: lock.version }
      ])
    }
    // Freed here, or changed by others: to be looked at again.
    return true
  }

  /** Called when a run has ended. */
  async leaveSeat (runId: string): Promise<void> {
    if (this.#settings.maxActive !== undefined) await this.#scope.records.write(this.#seats, [{ op: 'delete', kind: KIND.runSeat, id: runId }])
  }

  /** Throws the 429 when as many runs as the project may have are there already. */
  async #takeSeat ({ partition, jobId }: JobKey): Promise<void> {
    const { maxActive } = this.#settings
    if (maxActive === undefined) return
    const { records, project } = this.#scope
    await records.write(this.#seats, [{ op: 'put', kind: KIND.runSeat, id: jobId, body: { thread_id: partition, created: this.#scope.clock.now() } satisfies RunSeat }])
    const isFree = await hasSeat(records, this.#seats, jobId, maxActive, async ({ id, body }) => {
      const { thread_id: threadId, created } = body as RunSeat
      const run = await getAnyway<Run>(records, { project, partition: threadId, kind: KIND.run, id })
      if (run === undefined) return this.#scope.clock.now() - created > SEAT_GRACE_MS
      return run.body === undefined || !isActive(run.body.status)
    })
    if (isFree) return
    await this.leaveSeat(jobId)
    throw new ApiError(429, `The project has ${maxActive} runs under way already. Please try again when one has ended.`,
      { type: 'requests', code: 'rate_limit_exceeded', headers: { 'retry-after': '1' } })
  }

  get #seats () {
    return { project: this.#scope.project, partition: PARTITION.activeRuns, kind: KIND.runSeat }
  }

  async listSteps (threadId: string, runId: string, params: ListParams & StepInclude): Promise<ListResponse<RunStep>> {
    await this.#current(threadId, runId)
    const page = await listRecords<RunStep>(this.#scope, { partition: threadId, kind: KIND.step, parent: runId }, params, id => notFound('run step', id))
    return { ...page, data: await Promise.all(page.data.map(async step => await this.#including(step, params))) }
  }

  async getStep (threadId: string, runId: string, id: string, params: StepInclude = {}): Promise<RunStep> {
    await this.#current(threadId, runId)
    const record = await this.#scope.records.get<RunStep>({ project: this.#scope.project, partition: threadId, kind: KIND.step, id })
    if (record === undefined || record.parent !== runId) throw notFound('run step', id)
    return await this.#including(record.body, params)
  }

  /** The step with what `include[]` adds. */
  async #including (step: RunStep, { include = [] }: StepInclude): Promise<RunStep> {
    const { records, project } = this.#scope
    if (include.length === 0 || step.type !== 'tool_calls') return step
    return withIncluded(step, await loadTurn(records, runKey(project, step.thread_id, step.run_id), step.id), this.#tools, include)
  }

  async #current (threadId: string, id: string): Promise<StoredRecord<Run>> {
    const record = await this.#load(threadId, id)
    if (!this.#isOverdue(record.body)) return record
    await this.#engine.expire(this.#key(record.body))
    return await this.#load(threadId, id)
  }

  async #load (threadId: string, id: string): Promise<StoredRecord<Run>> {
    const { records, project } = this.#scope
    const [, record] = await Promise.all([
      this.#threads.load(threadId),
      records.get<Run>({ project, partition: threadId, kind: KIND.run, id })
    ])
    if (record === undefined) throw notFound('run', id)
    return record
  }

  #isOverdue ({ status, expires_at: expiresAt }: Run): boolean {
    return this.#engine.isOverdue({ phase: isActive(status) ? 'queued' : 'ended', expiresAt })
  }

  #launchNew (key: JobKey, first: FirstRecords, before: StreamEvent[], include: readonly string[] = []): StartedRun {
    const scribe = new AssistantsScribe({ records: this.#scope.records, key, body: first.started, tools: this.#tools, include })
    return this.#launch(key, first, { version: 1, scribe, items: [], before: [...before, runCreated(first.run)] })
  }

  /** Goes on with a run that was just written. */
  #launch (key: JobKey, { run, started, lease }: Beginning, { version, scribe, items, before }: { version: number, scribe: Scribe, items: Item[], before: StreamEvent[] }): StartedRun {
    const log = this.#engine.openLog(key)
    const from = log.nextId
    log.append([...before, runEvent(run), runEvent(started)])
    this.#settings.onBegun(key.partition)
    this.#engine.launch({ key, held: { body: started, version }, lease, log, scribe, items })
    return { run, log, from }
  }

  /** The open step with the outputs in it, completed. Undefined when the run waits for none any more. */
  async #answered (key: JobKey, outputs: Map<string, string>): Promise<{ step: RunStep, turn: TurnState | undefined } | undefined> {
    const { records, project } = this.#scope
    const page = await records.page<RunStep>({ project, partition: key.partition, kind: KIND.step, parent: key.jobId, order: 'desc', limit: 1 })
    const step = page.records[0]?.body
    if (step?.step_details.type !== 'tool_calls') return undefined
    const turn = await loadTurn(records, key, step.id)
    const calls = step.step_details.tool_calls.map(call => {
      const output = outputs.get(call.id)
      return call.type === 'function' && output !== undefined ? { ...call, function: { ...call.function, output } } : call
    })
    const done: RunStep = {
      ...step,
      status: 'completed',
      completed_at: unixSeconds(this.#scope.clock),
      step_details: { type: 'tool_calls', tool_calls: calls },
      usage: turn?.usage ?? null
    }
    return { step: done, turn }
  }

  async #hasMessages (threadId: string): Promise<boolean> {
    const page = await this.#scope.records.page({ project: this.#scope.project, partition: threadId, kind: KIND.message, order: 'desc', limit: 1 })
    return page.records.length > 0
  }

  async #write (threadId: string, items: WriteItem[]): Promise<boolean> {
    return await this.#scope.records.write({ project: this.#scope.project, partition: threadId }, items)
  }

  #key (run: Run): JobKey {
    return runKey(this.#scope.project, run.thread_id, run.id)
  }

  /** The records that a run begins with, but for its thread: itself, the lock, the lease, and the messages it brings. */
  async #first (key: JobKey, assistant: Assistant, request: NewRun, { changes, payer, resources }: StartedBy & { changes: ToolResourceChanges, resources?: CreateThreadAndRunRequest['tool_resources'] }): Promise<FirstRecords> {
    const run = await this.#newRun(key, assistant, request, changes, resources)
    this.#settings.checkMetadata(request.metadata)
    this.#checkToolChoice(run)
    const lease = this.#engine.newLease(payer)
    const lock: RunLock = { run_id: run.id }
    const messages = await Promise.all((request.additional_messages ?? []).map(async (message, i) =>
      await newMessage(this.#scope, key.partition, message, `additional_messages[${i}].`)))
    const started = transition(run, { to: 'in_progress', at: run.created_at })
    return {
      run,
      started,
      messages,
      lease,
      hasPrompt: run.instructions !== '' || messages.length > 0,
      items: [
        { op: 'put', kind: KIND.lock, id: RUN_LOCK_ID, body: lock, expect: 'absent' },
        ...messages.flatMap(putMessage),
        { op: 'put', kind: KIND.run, id: run.id, body: started, expect: 'absent' },
        { op: 'put', kind: KIND.lease, id: run.id, body: lease, expect: 'absent' }
      ]
    }
  }

  /** A tool that the run does not have cannot be forced. */
  #checkToolChoice ({ tool_choice: choice, tools }: Run): void {
    if (typeof choice === 'string') return
    const { type } = choice
    const exists = type === 'function' ? this.#settings.offersFunction(choice.function.name, tools) : tools.some(tool => tool.type === type)
    if (exists) return
    const what = type === 'function' ? `function named '${choice.function.name}'` : `tool of type '${type}'`
    throw badRequest(`Invalid value for 'tool_choice': no ${what} was specified in the 'tools' parameter.`, { param: 'tool_choice' })
  }

  /** Model, instructions and tools are the assistant's as they are now; later edits do not reach the run. */
  async #newRun (key: JobKey, assistant: Assistant, request: NewRun, changes: ToolResourceChanges, resources: CreateThreadAndRunRequest['tool_resources']): Promise<Run> {
    const at = unixSeconds(this.#scope.clock)
    const tools = request.tools == null ? assistant.tools : this.#tools.declare(request.tools)
    const instructions = [request.instructions ?? assistant.instructions, request.additional_instructions].filter(text => text != null && text !== '')
    return {
      id: key.jobId,
      object: 'thread.run',
      created_at: at,
      assistant_id: assistant.id,
      thread_id: key.partition,
      status: 'queued',
      started_at: null,
      expires_at: at + this.#settings.expiresAfterS,
      cancelled_at: null,
      failed_at: null,
      completed_at: null,
      required_action: null,
      last_error: null,
      model: request.model ?? assistant.model,
      instructions: instructions.join('\n\n'),
      tools,
      tool_resources: await changes.resolve(resources, { tools, old: assistant.tool_resources }),
      metadata: request.metadata ?? {},
      temperature: request.temperature ?? assistant.temperature ?? 1,
      top_p: request.top_p ?? assistant.top_p ?? 1,
      reasoning_effort: request.reasoning_effort ?? assistant.reasoning_effort,
      max_completion_tokens: request.max_completion_tokens ?? null,
      max_prompt_tokens: request.max_prompt_tokens ?? null,
      truncation_strategy: { type: request.truncation_strategy?.type ?? 'auto', last_messages: request.truncation_strategy?.last_messages ?? null },
      incomplete_details: null,
      usage: null,
      response_format: request.response_format ?? assistant.response_format,
      tool_choice: request.tool_choice ?? 'auto',
      parallel_tool_calls: request.parallel_tool_calls ?? true
    }
  }
}

function nothingToRun () {
  return badRequest('Run creation requires a Thread with a user message or an assistant with instructions.', { code: 'invalid_thread' })
}

/** Outputs by call id: exactly the expected ones, or a 400 that names both sides. */
function matchOutputs (expected: readonly string[], given: SubmitToolOutputsRequest['tool_outputs']): Map<string, string> {
  const outputs = new Map(given.map(({ tool_call_id: id, output }) => [id ?? '', output ?? '']))
  const same = outputs.size === expected.length && given.length === expected.length && expected.every(id => outputs.has(id))
  if (!same) {
    const quoted = (ids: readonly (string | undefined)[]): string => `[${ids.map(id => `'${id ?? ''}'`).join(', ')}]`
    throw badRequest(`Expected tool outputs for call_ids ${quoted(expected)}, got ${quoted(given.map(output => output.tool_call_id))}`)
  }
  return outputs
}
