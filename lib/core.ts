import { KIND, PARTITION, SYSTEM_PROJECT } from '../storage/layout.js'
import type { ErasedProject, ErasedThread, EraseThreadRequest } from '../schemas/erase.js'
import type { ListResponse } from '../schemas/common.js'
import type { Run } from '../schemas/runs.js'
import type { Thread } from '../schemas/threads.js'
import type { ServerInfo } from '../schemas/server.js'
import { StorageClosedError, type RecordStore } from '../storage/record-store.js'
import type { ThreadStorage } from '../storage/thread-storage/thread-storage.js'
import type { Clock } from './shared/clock.js'
import { StoreClock } from './shared/store-clock.js'
import { packageVersion } from './shared/version.js'
import type { ProjectApi } from './project-api.js'
import { eraseProject, eraseThread, refuseOtherProject } from './erase.js'
import { Sweeper } from './schedule/sweeper.js'
import { Uploads } from './files/uploads.js'
import type { Logger } from './shared/log.js'
import { ModelRegistry } from './models/registry.js'
import type { ResolvedOptions } from './options/options.js'
import { RecentThreads } from './runs/recent-threads.js'
import { RunEngine } from './runs/engine.js'
import { withoutThinking } from './models/thinking.js'
import { withImages } from './runs/prompt/images.js'
import { AssistantsDialect } from './dialects/assistants/dialect.js'
import { runKey } from './dialects/assistants/records.js'
import { Runs } from './dialects/assistants/runs.js'
import { isActive } from './dialects/assistants/state.js'
import { absentAsUndefined } from './shared/errors.js'
import { PeriodicTask, settlesWithin } from './shared/timers.js'
import { IdempotentAnswers } from './shared/idempotent-answers.js'
import { loopLagMs } from './observe/loop-lag.js'
import { Metrics } from './observe/metrics.js'
import type { Gauges } from './observe/registry.js'
import { RunTracing } from './observe/tracing.js'
import { logRun } from './observe/run-line.js'
import { whileAnswering } from './shared/while-answering.js'
import { FreeingLocks, rejectingLocks, WaitingLocks } from './shared/thread-locks.js'
import { ThreadManager } from './threads/manager.js'
import { LiveTransfer } from './transfer/live.js'
import type { BuiltInTools } from './tools/built-in-tools.js'
import { ServerTools } from './tools/server-tools.js'
import { Interpreter } from './tools/code-interpreter/interpreter.js'
import { standardTools } from './tools/standard-tools.js'
import { schemaExtender, type ExtendSchema } from './tools/tool-schemas.js'
import { RetrievalService } from './vector-stores/service.js'
import { quotasOf } from './usage/quotas.js'
import { SharedCounters } from './usage/shared-counters.js'
import { OTHER, UsageLedger } from './usage/ledger.js'
import { UsageReports } from './usage/reports.js'
import { Spending } from './usage/spending.js'
import { Webhooks } from './dialects/assistants/webhooks.js'

/** Projects whose services are kept at hand: few with keys, as many as there are users when a function names them. */
const MAX_PROJECTS = 1000

/** How long a project counts as entered. */
const ENROL_AGAIN_MS = 10_000

/**
 * The whole service without a face: the store, the models and the run engine, put together. The plugin and the in-process
 * adapter are two faces of it.
 */
export class Core {
  readonly threadManager: ThreadManager
  readonly threadStorage: ThreadStorage
  readonly models: ModelRegistry
  readonly clock: Clock
  readonly idempotentAnswers: IdempotentAnswers
  readonly spending: Spending
  readonly usageReports: UsageReports
  readonly transfer: LiveTransfer
  /** Undefined unless the option `metrics` wants them. */
  readonly metrics: Metrics | undefined
  #streams = (): number => 0
  /** Opens request schemas for the built-in tools of this server. */
  readonly extendSchema: ExtendSchema
  /** What this instance does now. */
  readonly #gauges: Gauges = {
    streams: () => this.#streams(),
    activeRuns: () => this.#engine.activeCount,
    indexing: () => this.#retrieval.indexer.waitingStores,
    heldBytes: () => this.#engine.heldBytes,
    sandboxes: () => this.#interpreter?.sessionCount ?? 0
  }

  readonly #records: RecordStore
  readonly #counters: SharedCounters
  readonly #ledger: UsageLedger
  readonly #recentThreads = new RecentThreads()
  readonly #engine: RunEngine
  readonly #tools: BuiltInTools
  readonly #functions: ServerTools
  readonly #options: ResolvedOptions
  readonly #log: Logger
  readonly #sweeper: Sweeper
  readonly #retrieval: RetrievalService
  readonly #webhooks: Webhooks | undefined
  readonly #interpreter: Interpreter | undefined
  readonly #projects = new Map<string, ProjectApi>()
  /** When each project was entered last, in milliseconds since the epoch, and whether it was used since. */
  readonly #storeClock: StoreClock
  readonly #enrolled = new Map<string, { at: number, isUsed: boolean }>()
  /** Enters again those that were used since: the store may have lost them just before, and no request may follow. */
  readonly #enrolment: PeriodicTask
  #checking: Promise<unknown> | undefined

  constructor (options: ResolvedOptions, log: Logger) {
    this.#options = options
    this.#log = log
    this.#records = options.storage.records
    this.clock = this.#storeClock = new StoreClock(options.clock)
    this.threadStorage = options.storage.threadStorage
    if (options.webhooks !== undefined) this.#webhooks = new Webhooks(options.webhooks, this.clock, log)
    const { limits } = options
    const { clock } = this
    const mode = options.lockMode === 'wait' ? new WaitingLocks({ clock, waitMs: limits.lockWaitMs, maxWaiters: limits.lockMaxWaiters }) : rejectingLocks
    const locks = new FreeingLocks(mode, async (project, threadId, runId) => await this.project(project).runs.freeLock(threadId, runId))
    this.models = new ModelRegistry({ ...options.models, clock, log })
    this.#retrieval = new RetrievalService({
      records: this.#records,
      clock,
      log,
      models: this.models,
      options: options.retrieval,
      mostStores: project => quotasOf(options.quotas, project).vectorStores,
      onEmbedded: (project, name, tokens) => {
        const { providerName, model } = this.models.resolve(name)
        this.spending.spend({ project }, 'tokens', tokens)
        this.#ledger.add(project, { kind: 'embeddings', key: null, model: this.models.publicName(providerName, model) }, { requests: 1, inputTokens: tokens })
      },
      project: name => {
        const { files, vectorStores } = this.project(name)
        return { files, storeFiles: vectorStores.files, vectorStores: vectorStores.stores }
      }
    })
    if (options.codeInterpreter !== undefined) {
      this.#interpreter = new Interpreter({ settings: options.codeInterpreter, records: this.#records, files: name => this.project(name).files, clock, log })
    }
    this.#tools = standardTools({
      interpreter: this.#interpreter,
      fileSearch: { vectorStores: scope => this.#retrieval.forProject(scope), searcher: this.#retrieval.fileSearcher },
      others: options.builtInTools
    })
    this.extendSchema = schemaExtender(options.builtInTools)
    this.#counters = new SharedCounters({ records: this.#records, clock, log })
    this.spending = new Spending(options.quotas, this.#counters, clock)
    this.#ledger = new UsageLedger({ records: this.#records, clock, log })
    this.usageReports = new UsageReports({ records: this.#records, ledger: this.#ledger, clock, prices: options.prices })
    this.idempotentAnswers = new IdempotentAnswers(this.#records, clock)
    this.threadManager = new ThreadManager(this.#records, {
      clock,
      locks,
      builtInTools: this.#tools,
      blobs: options.blobs.store,
      files: {
        maxBytes: limits.fileBytes,
        downloads: options.downloads,
        quotas: project => quotasOf(options.quotas, project),
        onDeleted: async (project, fileId) => await this.project(project).vectorStores.files.detachEverywhere(fileId),
        onUndone: () => this.#sweeper.soon()
      }
    })
    this.#enrolment = new PeriodicTask({ clock, intervalMs: ENROL_AGAIN_MS, run: async () => await this.#enterUsed(), onError: err => log.debug({ err }, 'projects could not be entered; it is tried again') })
    this.transfer = new LiveTransfer({ records: this.#records, blobs: options.blobs.store }, clock, () => this.#takeUp())
    this.#sweeper = new Sweeper({ records: this.#records, clock, log, project: name => this.project(name) })
    const assistants = new AssistantsDialect({ tools: this.#tools, history: options.history }, {
      onStopped: (key, run, report) => {
        logRun(log, key, run, report)
        this.metrics?.stopped(run, report)
        if (!isActive(run.status)) {
          const { provider, model, keyName } = report
          this.#ledger.add(key.project, { kind: 'completions', key: keyName ?? null, model: provider === undefined || model === undefined ? run.model : this.models.publicName(provider, model) }, { runs: 1 })
          locks.released(key.project, key.partition)
          // A seat that stays is given up when the next run finds none.
          this.project(key.project).runs.leaveSeat(key.jobId).catch(() => {})
        }
        this.#recentThreads.add(key.project, key.partition)
        this.#webhooks?.report(key.project, run)
      },
      onEndedElsewhere: key => locks.released(key.project, key.partition)
    })
    this.#functions = new ServerTools({ tools: options.tools, access: options.toolAccess, timeoutMs: limits.toolTimeoutMs, clock, log })
    this.#engine = new RunEngine({
      records: this.#records,
      clock,
      models: withImages(options.thinking === 'strip' ? withoutThinking(this.models) : this.models, { files: project => this.project(project).files, maxBytes: limits.imageBytes }),
      registry: this.models,
      observer: new RunTracing(packageVersion()),
      ledger: this.#ledger,
      tools: this.#tools,
      functions: this.#functions,
      spending: this.spending,
      offsetUnit: options.annotationOffsets,
      log,
      limits
    }, [assistants])
    if (options.metrics !== false) {
      const metrics = new Metrics(this.#gauges)
      options.storage.records.onVerb = (verb, seconds, failed) => metrics.stored(verb, seconds, failed)
      this.metrics = metrics
    }
  }

  /** Says how many streams are being sent. */
  countStreams (count: () => number): void {
    this.#streams = count
  }

  project (name: string): ProjectApi {
    const known = this.#projects.get(name)
    if (known !== undefined) return known
    const { scope, assistants, threads, messages, files, blobs } = this.threadManager.forProject(name)
    const runs = new Runs(scope, this.#engine, this.#tools, {
      maxActive: quotasOf(this.#options.quotas, name).concurrentRuns,
      expiresAfterS: this.#options.limits.runExpiresS,
      checkMetadata: metadata => this.#webhooks?.check(metadata),
      offersFunction: (functionName, tools) => this.#functions.offers(functionName, tools, name),
      onBegun: threadId => this.#recentThreads.add(name, threadId)
    })
    const uploads = new Uploads(scope, blobs, files, { maxPartBytes: this.#options.limits.uploadPartBytes, onUndone: () => this.#sweeper.soon() })
    const vectorStores = this.#retrieval.forProject(scope)
    const api = { project: name, assistants, threads, messages, runs, files, uploads, vectorStores }
    if (this.#projects.size >= MAX_PROJECTS) this.#projects.clear()
    this.#projects.set(name, api)
    return api
  }

  /**
   * Enters a project into the index of projects before anything of it is written, and again from time to time: the store may have lost it since, and an
   * export goes by the index.
   */
  async enrol (project: string): Promise<void> {
    const now = this.clock.now()
    const last = this.#enrolled.get(project)
    if (last !== undefined && now - last.at < ENROL_AGAIN_MS) {
      last.isUsed = true
      return
    }
    await this.#enter(project)
    if (this.#enrolled.size >= MAX_PROJECTS) this.#enrolled.clear()
    this.#enrolled.set(project, { at: now, isUsed: false })
  }

  async #enter (project: string): Promise<void> {
    await this.#records.write({ project: SYSTEM_PROJECT, partition: PARTITION.projects }, [{ op: 'put', kind: KIND.project, id: project, body: {}, expect: 'absent' }])
  }

  async #enterUsed (): Promise<void> {
    for (const [project, enrolled] of this.#enrolled) {
      if (!enrolled.isUsed) continue
      enrolled.isUsed = false
      await this.#enter(project).catch((error: unknown) => {
        enrolled.isUsed = true
        throw error
      })
    }
  }

  /** What counts the use of a model by its clients. */
  metering (asked: unknown): { spending: Spending, ledger: UsageLedger, model: string } {
    const meters = { spending: this.spending, ledger: this.#ledger }
    if (typeof asked !== 'string' && !this.models.hasDefault) return { ...meters, model: OTHER }
    const { providerName, model } = this.models.resolve(typeof asked === 'string' ? asked : undefined)
    return { ...meters, model: this.models.publicName(providerName, model) }
  }

  /** A run that this process has created or gone on with, as it is now. */
  recentRun (project: string, threadId: string, runId: string): Run | undefined {
    return this.#engine.recent(runKey(project, threadId, runId)) as Run | undefined
  }

  /** Threads of a project in which runs have begun or stopped last on this instance, the latest first. */
  async recentThreads ({ project, threads }: ProjectApi): Promise<ListResponse<Thread>> {
    const found = await Promise.all(this.#recentThreads.of(project).map(async id => await absentAsUndefined(async () => await threads.get(id))))
    const data = found.filter(thread => thread !== undefined)
    return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false }
  }

  /** Removes a thread with everything that was made for it. Throws the 404. */
  async eraseThread (api: ProjectApi, id: string, request: EraseThreadRequest): Promise<ErasedThread> {
    return await eraseThread(api, this.#records, id, request)
  }

  /** Removes everything of a project. `named` is to be its name. */
  async eraseProject (api: ProjectApi, named: string): Promise<ErasedProject> {
    refuseOtherProject(api.project, named)
    this.#ledger.forget(api.project)
    const erased = await eraseProject(api, this.#records, this.clock)
    this.#recentThreads.forget(api.project)
    this.#enrolled.delete(api.project)
    return erased
  }

  /** Whether anything was ever written for a project. */
  async hasProject (project: string): Promise<boolean> {
    return await this.#records.get({ project: SYSTEM_PROJECT, partition: PARTITION.projects, kind: KIND.project, id: project }) !== undefined
  }

  /**
   * How this server is set up and what it does now, without anything secret.
   *
   * @param model a name to try.
   * @param isOfAll whether the caller may know of all projects.
   */
  async describe (model: string | undefined, isOfAll: boolean): Promise<ServerInfo> {
    const { providers, defaultModel, aliases } = await this.models.describe()
    return {
      object: 'server',
      version: packageVersion(),
      providers,
      default_model: defaultModel,
      aliases: { ...aliases },
      limits: Object.fromEntries(Object.entries(this.#options.limits).map(([name, value]) => [name, Number.isFinite(value) ? value as number : null])),
      ...isOfAll || !this.#options.hasProjects ? { live: await this.#live() } : {},
      ...model === undefined ? {} : { resolved: await this.models.look(model) }
    }
  }

  async #live (): Promise<NonNullable<ServerInfo['live']>> {
    const { streams, activeRuns, indexing, sandboxes, heldBytes } = this.#gauges
    return { streams: streams(), active_runs: activeRuns(), indexing_stores: indexing(), sandboxes: sandboxes(), held_bytes: heldBytes(), event_loop_lag_ms: await loopLagMs() }
  }

  /** Opens the store and takes up the runs that were left unfinished. */
  async start (): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      // Nothing stays open behind a start that failed; why it failed is the news.
      await this.stop().catch(() => {})
      throw error
    }
  }

  async #open (): Promise<void> {
    await this.metrics?.start()
    await this.openStores()
    for (const warning of this.#records.warnings ?? []) this.#log.warn({}, warning)
    this.#enrolment.start()
    await this.#engine.start(!this.#records.supports.shared)
    this.#sweeper.start(!this.#records.supports.shared)
    await this.#retrieval.start(!this.#records.supports.shared)
    // What an operator asks for by name is tested at once; requests need not wait for it.
    if (this.#options.codeInterpreter?.isAskedFor === true) this.#interpreter?.prepare().catch(() => {})
  }

  /** What has come into the store by itself: runs to go on with, files to be indexed, things that are due. */
  #takeUp (): void {
    this.#engine.recoverSoon()
    this.#retrieval.indexer.lookSoon()
    this.#sweeper.soon()
  }

  /** Opens the store alone: nothing is taken up. */
  async openStores (): Promise<void> {
    await this.#records.connect()
    // Only then: a folder is made for them, which is not to be left beside a file that is no database.
    await this.#options.blobs.store.connect()
    this.#storeClock.skewMs = this.#records.clockSkewMs ?? 0
  }

  /** Throws when the store takes no writes, or a search index in PostgreSQL does not answer. Requests that come meanwhile share the answer. */
  async checkStorage (): Promise<void> {
    this.#checking ??= Promise.all([
      this.#records.write({ project: SYSTEM_PROJECT, partition: PARTITION.readiness }, [{ op: 'put', kind: KIND.readiness, id: 'ready', body: {} }]),
      this.#retrieval.check()
    ]).finally(() => { this.#checking = undefined })
    await this.#checking
  }

  /** Hands running runs over while requests under way are still answered. */
  async handOver (): Promise<void> {
    await this.#engine.handOver()
  }

  /**
   * Hands running runs over, ends their readers, and closes what we opened. A store that does not answer is not waited for: the leases of
   * the runs expire, and what was counted in the last second is lost.
   */
  async stop (): Promise<void> {
    this.threadManager.scope.locks.close()
    const stopped = this.#stopUsing()
    const { drainMs } = this.#options.limits
    if (drainMs > 0) await settlesWithin(this.clock, drainMs, stopped)
    const answers = await whileAnswering(this.clock, stopped, async () => await this.#askStore())
    if (!answers) this.#log.warn({}, 'the store does not answer: runs that were under way go on elsewhere, or at the next start, once their leases have expired')
    await Promise.all([this.models.close(), this.#webhooks?.close(), this.#interpreter?.close()])
    const closed = this.#closeStores()
    if (answers) await closed
    else closed.catch(() => {})
  }

  /** Throws when the store cannot be read, unless it was never opened. */
  async #askStore (): Promise<void> {
    try {
      await this.#records.get({ project: SYSTEM_PROJECT, partition: PARTITION.readiness, kind: KIND.readiness, id: 'ready' })
    } catch (error) {
      if (!(error instanceof StorageClosedError)) throw error
    }
  }

  /** Ends all that uses the store. */
  async #stopUsing (): Promise<void> {
    await Promise.all([this.#engine.stop(), this.#sweeper.stop(), this.#enrolment.stop()])
    await this.#retrieval.stop()
    await Promise.all([this.#counters.stop().catch(() => {}), this.#ledger.stop().catch(() => {})])
  }

  async #closeStores (): Promise<void> {
    if (this.#options.blobs.isOurs) await this.#options.blobs.store.disconnect()
    if (this.#options.storage.isOurs) await this.#records.disconnect()
  }
}
