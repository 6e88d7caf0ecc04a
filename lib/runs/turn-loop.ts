import { streamBatches } from '../models/batches.js'
import { ModelError, type FinishReason, type ModelPart, type ModelTool, type ModelUsage } from '../models/provider.js'
import { loopShare } from '../shared/loop-share.js'
import type { BuiltInContext } from '../tools/built-in-tool.js'
import type { OfferedTool } from '../tools/built-in-tools.js'
import type { ToolInvocation } from '../tools/tool.js'
import type { Payer } from '../usage/spending.js'
import type { Change, Dialect, JobMove } from './dialect.js'
import { isAnswered, type BuiltInCall, type Call } from './items.js'
import { fullUsage, NO_USAGE, totalUsage, type CutReason, type JobKey, type JobSpec, type TokenUsage } from './job.js'
import { estimateUsage, fitPrompt, remaining, type PromptParts } from './prompt/budget.js'
import { ownPrompt } from './prompt/own-prompt.js'
import { within, type ObservedRun } from './observer.js'
import type { RunNotes } from './report.js'
import type { EngineServices } from './services.js'
import type { TurnWriter } from './turn-writer.js'

/** The execution, as the loop uses it. */
export interface Host {
  readonly dialect: Dialect
  readonly key: JobKey
  readonly body: object
  /** Whose tokens the job uses. */
  readonly payer: Payer
  readonly notes: RunNotes
  readonly observed: ObservedRun | undefined
  /** Aborted with a `RunStopped`. */
  readonly signal: AbortSignal
  now (): number
  moved (move: JobMove): Change
  commit (build: () => Change): Promise<void>
  unindex (): Promise<void>
  retryWhileStorageDown<T> (work: () => Promise<T>): Promise<T>
}

type Finish = ModelPart & { type: 'finish' }

/** As far as it has come. */
interface ModelAnswer {
  said: string
  usage: ModelUsage | undefined
  finish: Finish | undefined
}

/** Finish reasons that leave an answer incomplete. */
const CUT: Partial<Record<FinishReason, CutReason>> = { length: 'max_completion_tokens', content_filter: 'content_filter' }

/** The alternation of model turns and tool calls, within the job's limits, until the job ends or waits for its client. */
export class TurnLoop {
  readonly #services: EngineServices
  readonly #host: Host
  readonly #writer: TurnWriter
  readonly #spec: JobSpec
  readonly #builtIn: readonly OfferedTool[]
  readonly #offered: ModelTool[]

  constructor (services: EngineServices, host: Host, writer: TurnWriter, spec: JobSpec, builtIn: readonly OfferedTool[]) {
    this.#services = services
    this.#host = host
    this.#writer = writer
    this.#spec = spec
    this.#builtIn = builtIn
    const names = new Set(builtIn.map(({ shown }) => shown.name))
    this.#offered = [...builtIn.map(({ shown }) => shown), ...services.functions.offered(spec.tools, host.key.project).filter(({ name }) => !names.has(name))]
  }

  async run (): Promise<void> {
    const { dialect, key } = this.#host
    const { records, limits, tools } = this.#services
    const refusal = tools.refusal(this.#spec.tools, new Set(this.#offered.map(({ name }) => name)))
    if (refusal !== undefined) throw new ModelError('server_error', refusal)
    const newest = this.#spec.limits.lastMessages ?? limits.maxPromptMessages
    const history = await this.#host.retryWhileStorageDown(async () => await dialect.history(records, key, this.#host.body, newest))
    for (;;) {
      this.#host.signal.throwIfAborted()
      // Calls that were made before a restart are answered first; else the model speaks.
      if (this.#writer.openCalls === undefined) {
        const parts = { system: this.#spec.system, history, own: ownPrompt(this.#writer.items) }
        if (!await this.#modelTurn(parts)) return
      }
      if (!await this.#toolCalls()) return
    }
  }

  /** One call of the model. Whether it ended in tool calls; if not, the job has ended with it. */
  async #modelTurn (parts: PromptParts): Promise<boolean> {
    const { models, limits, registry } = this.#services
    const { turns } = this.#writer
    if (turns >= limits.maxModelTurns) {
      throw new ModelError('server_error', `The run was stopped after ${turns} model turns without an answer.`)
    }
    const { provider, providerName, model } = models.resolve(this.#spec.model)
    const budget = remaining(this.#spec.limits, totalUsage(this.#writer.usages()), limits.maxPromptTokens)
    if (budget.completion !== undefined && budget.completion <= 0) return await this.#endBetweenTurns('max_completion_tokens')
    const messages = await fitPrompt(parts, this.#offered, budget, this.#spec.limits.truncates, this.#host.key.project)
    if (messages === undefined) return await this.#endBetweenTurns('max_prompt_tokens')

    await this.#services.spending?.admit(this.#host.payer)
    const request = this.#host.dialect.request(this.#host.body, {
      model,
      messages,
      tools: this.#offered,
      toolName: type => this.#builtIn.find(({ tool }) => tool.type === type)?.shown.name,
      isFirst: turns === 0,
      maxCompletionTokens: budget.completion
    })
    this.#host.notes.asked(providerName, model)
    const name = registry?.publicName(providerName, model) ?? model
    const answer: ModelAnswer = { said: '', usage: undefined, finish: undefined }
    const usedSoFar = async (): Promise<TokenUsage> => {
      const said = { role: 'assistant' as const, content: answer.said, toolCalls: this.#writer.calls() }
      return fullUsage(answer.usage ?? await estimateUsage(messages, this.#offered, said, this.#host.key.project))
    }
    const step = this.#host.observed?.modelCall({ provider: providerName, request })
    const reading = within(step, async () => await this.#read(streamBatches(provider, request, { signal: this.#host.signal, reasoning: this.#writer.showsReasoning }), answer))
    const finish = await reading.catch(async (error: unknown) => {
      step?.failed(error)
      // What was cancelled or broke off has cost something too.
      if (answer.said !== '') await this.#used(usedSoFar(), name)
      throw await registry?.explain(error, this.#spec.model) ?? error
    })
    const usage = await usedSoFar()
    step?.end({ usage, finish: finish.reason })
    await this.#used(usage, name)
    const cut = CUT[finish.reason]
    if (this.#writer.openCalls !== undefined && cut === undefined) {
      this.#host.notes.called(this.#writer.calls().length)
      await this.#writer.callsMade(usage)
      return true
    }
    if (finish.reason === 'other' && finish.raw === 'error') {
      throw new ModelError('server_error', 'The model reported an error and stopped.')
    }
    await this.#end(usage, cut)
    return false
  }

  /** Counts one call of a model: in the report of the run, against the quotas of who pays, and for good. Never rejects. */
  async #used (used: TokenUsage | Promise<TokenUsage>, model: string): Promise<void> {
    const { spending, ledger, log } = this.#services
    const { payer, notes } = this.#host
    try {
      const usage = await used
      const { promptTokens, completionTokens, cachedTokens } = usage
      notes.used(usage)
      spending?.spend(payer, 'tokens', promptTokens + completionTokens)
      ledger?.add(payer.project, { kind: 'completions', key: payer.keyName ?? null, model }, { requests: 1, inputTokens: promptTokens, cachedTokens, outputTokens: completionTokens })
    } catch (err) {
      log.warn({ err, run_id: this.#host.key.jobId }, 'the tokens of a model call could not be counted')
    }
  }

  /** Writes what the model says, and fills in `answer` as it comes. */
  async #read (batches: AsyncIterable<readonly ModelPart[]>, answer: ModelAnswer): Promise<Finish> {
    const writer = this.#writer
    const { project } = this.#host.key
    for await (const batch of batches) {
      const turn = loopShare.breathe(project)
      if (turn !== undefined) await turn
      this.#host.notes.heard()
      for (let next = 0; next < batch.length;) {
        const part = batch[next++]!
        switch (part.type) {
          case 'text': {
            const pieces = part.text === '' ? [] : [part.text]
            for (let following = batch[next]; following?.type === 'text'; following = batch[++next]) if (following.text !== '') pieces.push(following.text)
            if (pieces.length === 0) break
            const text = pieces.join('')
            answer.said += text
            // Calls stay open until they are answered, and items never overlap: words behind the calls are no message.
            if (writer.openCalls !== undefined) writer.textBehindCalls(text)
            // Not awaited where nothing has to be written first: most parts are pieces of an open text.
            else if (!writer.appendText(pieces)) await writer.text(pieces)
            break
          }
          case 'refusal':
            if (part.text === '') break
            answer.said += part.text
            if (writer.openCalls !== undefined) writer.textBehindCalls(part.text)
            else await writer.refusal(part.text)
            break
          case 'reasoning':
            if (part.text !== '' && writer.openCalls === undefined) await writer.reasoning(part.text)
            break
          case 'tool_call':
            await writer.toolCall(part.id, part.name, part.opaque)
            break
          case 'tool_arguments':
            writer.toolArguments(part.index, part.fragment, part.opaque)
            break
          case 'usage':
            answer.usage = part.usage
            break
          case 'finish':
            answer.finish = part
            break
        }
      }
      this.#host.signal.throwIfAborted()
    }
    this.#host.signal.throwIfAborted()
    if (answer.finish === undefined) throw new ModelError('server_error', 'The model\'s answer ended before it was complete.')
    return answer.finish
  }

  /** The model has said its last word: its item and the job end in one write. */
  async #end (usage: TokenUsage, cut: CutReason | undefined): Promise<void> {
    const at = this.#host.now()
    const total = totalUsage([...this.#writer.usages(), usage])
    await this.#writer.finish(usage, () => this.#host.moved(cut === undefined
      ? { to: 'completed', at, usage: total }
      : { to: 'incomplete', at, usage: total, reason: cut }), cut)
    await this.#host.unindex()
  }

  /** The job's tokens are spent before the model could be asked again. */
  async #endBetweenTurns (reason: CutReason): Promise<false> {
    const end = (): Change => this.#host.moved({ to: 'incomplete', at: this.#host.now(), usage: totalUsage(this.#writer.usages()), reason })
    // After a takeover there may be a message that will not be gone on with.
    this.#writer.reopenLeftovers()
    if (this.#writer.open === undefined) await this.#host.commit(end)
    else await this.#writer.finish(NO_USAGE, end, reason)
    await this.#host.unindex()
    return false
  }

  /** Answers the open calls as far as this server can. Whether the job goes on here; if not, it waits for its client. */
  async #toolCalls (): Promise<boolean> {
    const open = this.#writer.openCalls
    if (open === undefined) return true
    const { functions } = this.#services
    const unanswered = open.calls.filter(call => !isAnswered(call))
    const here = await Promise.all(unanswered.map(async call => call.builtIn !== undefined || await functions.runsHere(invocation(call), this.#spec.tools, this.#host.key.project)))
    let running = here.filter(Boolean).length
    await Promise.all(unanswered.filter((_call, i) => here[i]).map(async call => {
      await this.#call(call)
      // Each output is persisted as it comes, so that a restart repeats no call that was answered; the last goes with the next write.
      if (--running > 0) await this.#writer.saveCalls()
    }))
    this.#host.signal.throwIfAborted()
    const pending = open.calls.filter(call => !isAnswered(call))
    if (pending.length > 0) {
      await this.#writer.saveCalls(() => this.#host.moved({ to: 'waiting', calls: pending }))
      return false
    }
    await this.#writer.finish(open.usage ?? NO_USAGE)
    return true
  }

  async #call (call: Call): Promise<void> {
    const { builtIn } = call
    const step = this.#host.observed?.toolCall({ id: call.id, name: call.name, isBuiltIn: builtIn !== undefined })
    try {
      await within(step, async () => {
        if (builtIn === undefined) call.output = await this.#callFunction(call)
        else await this.#callBuiltIn(call, builtIn)
      })
      step?.end()
    } catch (error) {
      step?.failed(error)
      throw error
    }
  }

  async #callBuiltIn (call: Call, { offered }: BuiltInCall): Promise<void> {
    const { dialect, key, signal } = this.#host
    const context: BuiltInContext = {
      ...this.#spec.context,
      project: key.project,
      declared: offered.declared,
      threadResources: async () => await dialect.threadResources(this.#services.records, key),
      signal
    }
    this.#writer.toolBegins(call)
    const deltas = offered.tool.run(invocation(call), context)
    for (let next = await deltas.next(); ; next = await deltas.next()) {
      if (next.done === true) return this.#writer.toolResult(call, next.value)
      this.#writer.toolProgress(call, next.value)
    }
  }

  async #callFunction (call: Call): Promise<string> {
    const { runId, threadId, assistantId, metadata } = this.#spec.context
    const { key: { project }, signal } = this.#host
    return await this.#services.functions.execute(invocation(call), this.#spec.tools, { project, metadata, runId, threadId, agentId: assistantId, signal })
  }
}

const invocation = ({ id, name, arguments: args }: Call): ToolInvocation => ({ id, name, arguments: args })
