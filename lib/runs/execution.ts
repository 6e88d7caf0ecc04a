import { isDeepStrictEqual } from 'node:util'
import type { RequiredAction, Run, RunError, Usage } from '../../schemas/runs.js'
import type { StreamEvent } from '../../schemas/stream-events.js'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import { StorageUnavailableError, type WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { ModelError, type FinishReason, type ModelPart, type ModelTool, type ModelUsage } from '../models/provider.js'
import { estimateUsage, fitPrompt, remaining, type PromptParts } from './prompt/budget.js'
import { done, runEvent } from '../dialects/assistants/events.js'
import type { EventLog } from './events/event-log.js'
import type { EngineServices } from './engine.js'
import { buildPrompt, loadHistory } from '../dialects/assistants/prompt.js'
import { leaseRecord, loadRun, NO_USAGE, totalUsage, unindexRun, wireUsage, type Lease, type RunItem, type RunKey } from './records.js'
import { modelRequest } from '../dialects/assistants/request.js'
import { isActive, transition, type Move } from './state.js'
import { beganSearch, FILE_SEARCH, FILE_SEARCH_FUNCTION, fileSearchOf } from '../tools/file-search/search.js'
import type { ToolInvocation } from '../tools/tool.js'
import { TurnWriter, type Change, type Committer, type CutShort, type FunctionCall } from '../dialects/assistants/writer.js'

/**
 * Why an execution stops before the run is through: somebody asked for it, or the run is no longer ours (deleted, ended
 * by another instance, taken over), or this instance shuts down and hands the run on.
 */
export type StopReason = 'cancelled' | 'expired' | 'lost' | 'shutdown'

export class RunStopped extends Error {
  override name = 'RunStopped'
  readonly reason: StopReason
  constructor (reason: StopReason) {
    super(`the run was stopped: ${reason}`)
    this.reason = reason
  }
}

/** A run record and its lease as this instance holds them. */
export interface HeldRun {
  run: Run
  version: number
  leaseVersion: number
  lease: Lease
  /** Whether readers are shown the text of search results. Default false. */
  showsPassages?: boolean
}

/**
 * One run in the hands of this instance, from the claim of its lease to its release. Every write carries the expectation that
 * run and lease are as we know them, so that an instance that lost its lease cannot write any more.
 */
export class RunExecution implements Committer {
  readonly key: RunKey
  readonly log: EventLog
  /** Settles when the execution is over; never rejects. */
  readonly finished: Promise<void>
  readonly #services: EngineServices
  readonly #abort = new AbortController()
  readonly #writer: TurnWriter
  #held: HeldRun
  #ending = false
  #handedOver = false
  #queue: Promise<unknown> = Promise.resolve()
  #resolveFinished!: () => void

  constructor (services: EngineServices, key: RunKey, held: HeldRun, log: EventLog, items: RunItem[]) {
    this.#services = services
    this.key = key
    this.#held = held
    this.log = log
    this.#writer = new TurnWriter(this, services.records, key, items)
    this.finished = new Promise(resolve => { this.#resolveFinished = resolve })
  }

  get run (): Run {
    return this.#held.run
  }

  get showsPassages (): boolean {
    return this.#held.showsPassages === true
  }

  get takeovers (): number {
    return this.#held.lease.takeovers
  }

  /** Whether the run was left for somebody else to go on with. */
  get wasHandedOver (): boolean {
    return this.#handedOver
  }

  now (): number {
    return unixSeconds(this.#services.clock)
  }

  publish (...events: StreamEvent[]): void {
    this.log.append(...events)
  }

  /** Makes the execution stop at the next opportunity, the upstream request at once. */
  stop (reason: StopReason): void {
    this.#abort.abort(new RunStopped(reason))
  }

  /** Takes the run as far as it goes: to its end, or to where the client has to answer. */
  async execute (): Promise<void> {
    try {
      this.#writer.resume()
      await this.#begin()
      await this.#turns()
    } catch (error) {
      await this.#conclude(error)
    } finally {
      this.#resolveFinished()
    }
  }

  /** Ends a run that nobody was working on. */
  async end (why: RunStopped | ModelError): Promise<void> {
    this.#writer.resume()
    await this.#conclude(why)
    this.#resolveFinished()
  }

  /** Writes, one write at a time, and tells the readers once it is kept. Throws `RunStopped` when the run is not ours to write. */
  async commit (build: (retry: boolean) => Change | Promise<Change>): Promise<void> {
    await this.#exclusively(async () => {
      for (let retry = false; ; retry = true) {
        const { run, items = [], events = [] } = await build(retry)
        const ends = run !== undefined && (!isActive(run.status) || run.status === 'requires_action')
        if (await this.#write(run, items, ends)) {
          if (run !== undefined) this.#held = { ...this.#held, run, version: this.#held.version + 1 }
          this.publish(...events)
          if (ends) this.#services.onStopped(this.key, run)
          return
        }
        await this.#refresh()
      }
    })
  }

  /** Extends the lease. Throws `RunStopped` when the run changed hands or was cancelled from elsewhere. */
  async renewLease (): Promise<void> {
    await this.#exclusively(async () => {
      const { project, threadId, runId } = this.key
      const lease: Lease = { ...this.#held.lease, expiresAt: this.#services.clock.now() + this.#services.limits.leaseMs }
      const written = await this.#services.records.write({ project, partition: threadId }, [
        { op: 'check', kind: KIND.run, id: runId, expect: this.#held.version },
        { op: 'put', kind: KIND.lease, id: runId, body: lease, expect: this.#held.leaseVersion }
      ])
      if (written) this.#held = { ...this.#held, lease, leaseVersion: this.#held.leaseVersion + 1 }
      else await this.#refresh()
    })
  }

  async #begin (): Promise<void> {
    if (this.run.status === 'in_progress') return
    await this.commit(() => {
      const run = transition(this.run, { to: 'in_progress', at: this.now() })
      return { run, events: [runEvent(run)] }
    })
  }

  async #turns (): Promise<void> {
    const history = await this.#patiently(async () => await loadHistory(this.#services.records, this.key, this.#historyLimit()))
    for (;;) {
      this.#abort.signal.throwIfAborted()
      // Calls that were made before a restart are answered first; else the model speaks.
      if (this.#writer.open?.kind !== 'tools') {
        if (!await this.#modelTurn(buildPrompt(this.run, history, this.#writer.items))) return
      }
      if (!await this.#toolCalls()) return
    }
  }

  #historyLimit (): number {
    const { type, last_messages: newest } = this.run.truncation_strategy
    return type === 'last_messages' && newest !== null ? newest : this.#services.limits.maxPromptMessages
  }

  /** One call of the model. Whether it ended in tool calls; if not, the run has ended with it. */
  async #modelTurn (parts: PromptParts): Promise<boolean> {
    const { models, limits } = this.#services
    const turn = this.#writer.items.filter(item => item.kind === 'tools').length
    if (turn >= limits.maxModelTurns) {
      throw new ModelError('server_error', `The run was stopped after ${turn} model turns without an answer.`)
    }
    const { provider, model } = models.resolve(this.run.model)
    const offered = this.#offered()
    const budget = remaining(this.run, totalUsage(this.#writer.usages()), limits.maxPromptTokens)
    if (budget.completion !== undefined && budget.completion <= 0) return await this.#endBetweenTurns('max_completion_tokens')
    const messages = await fitPrompt(parts, offered, budget, this.run.truncation_strategy.type)
    if (messages === undefined) return await this.#endBetweenTurns('max_prompt_tokens')

    const request = modelRequest(this.run, { model, messages, tools: offered, first: turn === 0, maxCompletionTokens: budget.completion })
    const outcome = await this.#read(provider.stream(request, { signal: this.#abort.signal }))
    const usage = wireUsage(outcome.usage ?? await estimateUsage(messages, offered, { role: 'assistant', content: outcome.said, toolCalls: this.#writer.calls() }))
    const cut = CUT[outcome.finish.reason]
    if (this.#writer.open?.kind === 'tools' && cut === undefined) {
      await this.#writer.callsMade(usage)
      return true
    }
    if (outcome.finish.reason === 'other' && outcome.finish.raw === 'error') {
      throw new ModelError('server_error', 'The model reported an error and stopped.')
    }
    await this.#end(usage, cut)
    return false
  }

  async #read (parts: AsyncIterable<ModelPart>): Promise<{ said: string, usage: ModelUsage | undefined, finish: ModelPart & { type: 'finish' } }> {
    let said = ''
    let usage: ModelUsage | undefined
    let finish: (ModelPart & { type: 'finish' }) | undefined
    for await (const part of parts) {
      switch (part.type) {
        case 'text':
          // A step of tool calls stays open until it is answered, and steps never overlap: words after the calls have no place.
          if (part.text === '' || this.#writer.open?.kind === 'tools') break
          said += part.text
          await this.#writer.text(part.text)
          break
        case 'refusal':
          if (part.text === '' || this.#writer.open?.kind === 'tools') break
          said += part.text
          await this.#writer.refusal(part.text)
          break
        case 'tool_call':
          await this.#writer.toolCall(part.id, part.name, part.opaque)
          break
        case 'tool_arguments':
          this.#writer.toolArguments(part.index, part.fragment, part.opaque)
          break
        case 'usage':
          usage = part.usage
          break
        case 'finish':
          finish = part
          break
      }
    }
    this.#abort.signal.throwIfAborted()
    if (finish === undefined) throw new ModelError('server_error', 'The model\'s answer ended before it was complete.')
    return { said, usage, finish }
  }

  /** The model has said its last word: step, message and run end in one write. */
  async #end (usage: Usage, cut: Cut | undefined): Promise<void> {
    const at = this.now()
    const total = totalUsage([...this.#writer.usages(), usage])
    const move: Move = cut === undefined ? { to: 'completed', at, usage: total } : { to: 'incomplete', at, usage: total, reason: cut.run }
    await this.#writer.finish(usage, () => {
      const run = transition(this.run, move)
      return { run, events: [runEvent(run), done] }
    }, cut?.message)
    await this.#unindex()
  }

  /** The run's tokens are spent before the model could be asked again. */
  async #endBetweenTurns (reason: 'max_completion_tokens' | 'max_prompt_tokens'): Promise<false> {
    const end = (): Change => {
      const run = transition(this.run, { to: 'incomplete', at: this.now(), usage: totalUsage(this.#writer.usages()), reason })
      return { run, events: [runEvent(run), done] }
    }
    // After a takeover there may be a message that will not be gone on with.
    this.#writer.adoptLeftovers()
    if (this.#writer.open === undefined) await this.commit(end)
    else await this.#writer.finish(NO_USAGE, end, { reason: 'max_tokens' })
    await this.#unindex()
    return false
  }

  /** Answers the open calls as far as this server can. Whether the run goes on here; if not, it waits for the client. */
  async #toolCalls (): Promise<boolean> {
    const open = this.#writer.open
    if (open?.kind !== 'tools') return true
    const { tools } = this.#services
    const unanswered = open.calls.filter(call => call.function.output === null)
    const here = await Promise.all(unanswered.map(async call => this.#writer.isSearch(call) || await tools.runsHere(invocation(call), this.run.tools)))
    let running = here.filter(Boolean).length
    await Promise.all(unanswered.filter((_call, i) => here[i]).map(async call => {
      if (this.#writer.isSearch(call)) await this.#searchFiles(call)
      else call.function.output = await this.#callTool(call)
      // Each output is kept as it comes, so that a restart repeats no call that has answered; the last goes with the next write.
      if (--running > 0) await this.#writer.saveCalls()
    }))
    this.#abort.signal.throwIfAborted()
    const pending = open.calls.filter(call => call.function.output === null)
    if (pending.length > 0) {
      const action: RequiredAction = {
        type: 'submit_tool_outputs',
        submit_tool_outputs: {
          tool_calls: pending.map(call => ({ id: call.id, type: 'function', function: { name: call.function.name, arguments: call.function.arguments } }))
        }
      }
      await this.#writer.saveCalls(() => {
        const run = transition(this.run, { to: 'requires_action', action })
        return { run, events: [runEvent(run), done] }
      })
      return false
    }
    await this.#writer.finish(open.turn.usage)
    return true
  }

  #offered (): ModelTool[] {
    const { tools } = this.#services
    const offered = tools.offered(this.run.tools)
    const searches = tools.search !== undefined && fileSearchOf(this.run.tools) !== undefined
    return searches ? [FILE_SEARCH_FUNCTION, ...offered.filter(({ name }) => name !== FILE_SEARCH)] : offered
  }

  async #searchFiles (call: FunctionCall): Promise<void> {
    const found = await this.#services.tools.search?.(this.key.project, this.run, call.function.arguments, this.#abort.signal)
    this.#writer.searched(call, found ?? { fileSearch: beganSearch(this.run.tools), passages: [] })
  }

  async #callTool (call: FunctionCall): Promise<string> {
    const { run } = this
    return await this.#services.tools.execute(invocation(call), run.tools,
      { runId: run.id, threadId: run.thread_id, agentId: run.assistant_id, signal: this.#abort.signal })
  }

  /** Ends the run for whatever stopped it, unless it is not ours any more. */
  async #conclude (error: unknown): Promise<void> {
    let cause = this.#abort.signal.aborted ? this.#abort.signal.reason as unknown : error
    // Each round may learn that the run was cancelled or lost meanwhile; more than a few means something is broken.
    for (let round = 0; round < 5; round++) {
      try {
        // Whoever the run belongs to now tells its readers the rest.
        if (cause instanceof RunStopped && cause.reason === 'lost') return this.log.close()
        if (cause instanceof RunStopped && cause.reason === 'shutdown') return await this.#handOver()
        return await this.#endEarly(cause)
      } catch (next) {
        if (!(next instanceof RunStopped)) {
          this.#services.log.error({ err: next, run_id: this.key.runId }, 'a run could not be ended; recovery will')
          return
        }
        cause = next
      }
    }
  }

  async #endEarly (cause: unknown): Promise<void> {
    this.#ending = true
    await this.#exclusively(async () => await this.#reload())
    const before = this.run
    const why = this.#cutShort(cause)
    this.#writer.adoptLeftovers()
    await this.commit(async retry => {
      const closing = await this.#writer.cutShort(why, retry)
      const at = this.now()
      const usage = totalUsage(this.#writer.usages())
      const run = why.reason === 'run_failed'
        ? transition(this.run, { to: 'failed', at, usage, error: why.error })
        : why.reason === 'run_expired' ? transition(this.run, { to: 'expired', usage }) : transition(this.run, { to: 'cancelled', at, usage })
      const cancelling = why.reason === 'run_cancelled' ? [runEvent(before)] : []
      return { run, items: closing.items, events: [...cancelling, ...closing.events ?? [], runEvent(run), done] }
    })
    await this.#unindex()
  }

  #cutShort (cause: unknown): CutShort {
    if (cause instanceof RunStopped && cause.reason === 'expired') return { reason: 'run_expired' }
    // A failure that comes after the user has cancelled is no news.
    if (this.run.status === 'cancelling') return { reason: 'run_cancelled' }
    return { reason: 'run_failed', error: this.#runError(cause) }
  }

  #runError (cause: unknown): RunError {
    if (cause instanceof ModelError) {
      this.#services.log.warn({ err: cause, run_id: this.key.runId }, 'the model failed')
      return { code: cause.code, message: cause.message }
    }
    this.#services.log.error({ err: cause, run_id: this.key.runId }, 'a run failed')
    return { code: 'server_error', message: 'Sorry, something went wrong.' }
  }

  /** Gives the lease up, so that another instance, or this one when it is back, takes the run over without waiting. */
  async #handOver (): Promise<void> {
    const { project, threadId, runId } = this.key
    await this.#exclusively(async () => {
      await this.#services.records.write({ project, partition: threadId },
        [{ op: 'delete', kind: KIND.lease, id: runId, expect: this.#held.leaseVersion }])
    })
    this.#handedOver = true
  }

  async #write (run: Run | undefined, items: WriteItem[], releases: boolean): Promise<boolean> {
    const { project, threadId, runId } = this.key
    const { version, leaseVersion } = this.#held
    const batch: WriteItem[] = [
      run === undefined
        ? { op: 'check', kind: KIND.run, id: runId, expect: version }
        : { op: 'put', kind: KIND.run, id: runId, body: run, expect: version },
      releases
        ? { op: 'delete', kind: KIND.lease, id: runId, expect: leaseVersion }
        : { op: 'check', kind: KIND.lease, id: runId, expect: leaseVersion },
      ...items
    ]
    if (run !== undefined && !isActive(run.status)) batch.push({ op: 'delete', kind: KIND.lock, id: RUN_LOCK_ID })
    return await this.#patiently(async uncertain => {
      if (uncertain && run !== undefined && await this.#wasApplied(run)) return true
      return await this.#services.records.write({ project, partition: threadId }, batch)
    })
  }

  /** Whether a write of the run that ended without an answer was carried out all the same. */
  async #wasApplied (run: Run): Promise<boolean> {
    const stored = await loadRun(this.#services.records, this.key)
    return stored?.version === this.#held.version + 1 && isDeepStrictEqual(stored.body, run)
  }

  /**
   * Waits for a store that is away, as long as the run has time and nobody stops it. Nothing else is lost meanwhile: the model's
   * answer stays where it is until it can be kept.
   */
  async #patiently<T> (work: (uncertain: boolean) => Promise<T>): Promise<T> {
    const { clock, log } = this.#services
    for (let attempt = 0; ; attempt++) {
      try {
        return await work(attempt > 0)
      } catch (error) {
        const late = this.run.expires_at !== null && clock.now() >= this.run.expires_at * 1000
        if (!(error instanceof StorageUnavailableError) || late || this.#isShuttingDown()) throw error
        log.warn({ err: error, run_id: this.key.runId }, 'the store is away; the run waits for it')
        await new Promise<void>(resolve => { clock.after(Math.min(100 * 2 ** attempt, 5000), resolve) })
      }
    }
  }

  #isShuttingDown (): boolean {
    const { reason } = this.#abort.signal
    return reason instanceof RunStopped && reason.reason === 'shutdown'
  }

  /** Looks up what came first. Throws unless the run is still ours and still to be worked on. */
  async #refresh (): Promise<void> {
    await this.#reload()
    if (this.run.status === 'cancelling' && !this.#ending) throw new RunStopped('cancelled')
  }

  async #reload (): Promise<void> {
    const { records } = this.#services
    const [run, lease] = await this.#patiently(async () => await Promise.all([loadRun(records, this.key), records.get<Lease>(leaseRecord(this.key))]))
    if (run === undefined || lease === undefined || lease.body.token !== this.#held.lease.token || !isActive(run.body.status)) {
      throw new RunStopped('lost')
    }
    this.#held = { ...this.#held, run: run.body, version: run.version, lease: lease.body, leaseVersion: lease.version }
  }

  async #unindex (): Promise<void> {
    await unindexRun(this.#services.records, this.key.runId)
  }

  /** Our own writes and lease renewals never race each other. */
  async #exclusively<T> (work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => {})
    return await result
  }
}

interface Cut {
  message: { reason: 'max_tokens' | 'content_filter' }
  run: 'max_completion_tokens' | 'content_filter'
}

/** Finish reasons that leave an answer incomplete, in the words of the message and of the run. */
const CUT: Partial<Record<FinishReason, Cut>> = {
  length: { message: { reason: 'max_tokens' }, run: 'max_completion_tokens' },
  content_filter: { message: { reason: 'content_filter' }, run: 'content_filter' }
}

const invocation = ({ id, function: { name, arguments: args } }: FunctionCall): ToolInvocation => ({ id, name, arguments: args })
