import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Static, TSchema } from '@sinclair/typebox'
import { CreateAssistantRequest, UpdateAssistantRequest, type Assistant } from '../schemas/assistants.js'
import { CreateMessageRequest, type Message } from '../schemas/messages.js'
import type { RunStep } from '../schemas/run-steps.js'
import { CreateRunRequest, SubmitToolOutputsRequest, type Run } from '../schemas/runs.js'
import type { StreamEvent } from '../schemas/stream-events.js'
import { ListThreadsQuery, UpdateThreadRequest, type Thread } from '../schemas/threads.js'
import { Core } from './core.js'
import type { ProjectApi } from './project-api.js'
import { absentAsUndefined } from './shared/errors.js'
import { silentLogger, type Logger } from './shared/log.js'
import { resolveOptions, type OpenAICompatOptions } from './options/options.js'
import type { ListParams } from './shared/pagination.js'
import { readEvents } from './dialects/assistants/read-events.js'
import type { StartedRun } from './dialects/assistants/runs.js'
import { isActive } from './dialects/assistants/state.js'
import { runtimeOptions, type Runtime } from './options/runtime.js'
import type { ThreadManager } from './threads/manager.js'
import type { MessageListParams } from './threads/messages.js'
import type { ThreadListParams } from './threads/threads.js'
import { compileValidator } from './shared/validation.js'

/** Options of the adapter: those of the plugin that do not speak of HTTP, and a thread manager to share. */
export interface OpenAIAdapterOptions extends Omit<OpenAICompatOptions, 'prefix' | 'apiKeys' | 'apiKeysFile' | 'requireApiKeys' | 'allowedHosts' | 'audit' | 'metrics' | 'overload' | 'cors' | 'requireBetaHeader' | 'streams'> {
  /** Works on this manager's stores and project. Not together with `storage` and `blobs`. */
  threadManager?: ThreadManager
  /** Told what goes wrong in the background. Default: silent. */
  logger?: Logger
}

/**
 * The API in process, without HTTP: the same engine, the same validation, the same errors (`ApiError`). What does not exist is
 * undefined or false. The store is opened on first use.
 */
export class OpenAIAdapter {
  readonly #core: Core
  readonly #manager: ThreadManager
  readonly #api: ProjectApi
  readonly #ownsCore: boolean
  #started: Promise<void> | undefined

  /**
   * @param runtime what answers; nothing for `echo`. An existing `Core` is shared, and neither started nor stopped.
   */
  constructor (runtime?: Runtime | Core, options: OpenAIAdapterOptions = {}) {
    const { threadManager, logger = silentLogger, ...rest } = options
    this.#ownsCore = !(runtime instanceof Core)
    if (runtime instanceof Core) {
      this.#core = runtime
      this.#started = Promise.resolve()
    } else {
      if (threadManager !== undefined && (rest.storage ?? rest.blobs) !== undefined) {
        throw new TypeError('Give either option "threadManager" or options "storage" and "blobs", not both.')
      }
      const stores = threadManager === undefined ? {} : { storage: threadManager.scope.records, blobs: threadManager.blobs }
      this.#core = new Core(resolveOptions({ ...rest, ...runtimeOptions(runtime), ...stores }), logger)
    }
    this.#manager = threadManager ?? this.#core.threadManager
    this.#api = this.#core.project(this.#manager.scope.project)
  }

  getThreadManager (): ThreadManager {
    return this.#manager
  }

  async createAssistant (request: CreateAssistantRequest): Promise<Assistant> {
    await this.#ready()
    return await this.#manager.createAssistant(this.#checked(CreateAssistantRequest, request))
  }

  async getAssistant (id: string): Promise<Assistant | undefined> {
    return await this.#manager.getAssistant(id)
  }

  async updateAssistant (id: string, updates: UpdateAssistantRequest): Promise<Assistant | undefined> {
    return await this.#manager.updateAssistant(id, this.#checked(UpdateAssistantRequest, updates))
  }

  /** Whether it existed. */
  async deleteAssistant (id: string): Promise<boolean> {
    return await this.#manager.deleteAssistant(id)
  }

  /** All of them, oldest first. */
  async listAssistants (): Promise<Assistant[]> {
    return await this.#manager.listAssistants()
  }

  async createThread (metadata?: Record<string, string>): Promise<Thread> {
    await this.#ready()
    return await this.#manager.createThread(this.#checked(UpdateThreadRequest, { metadata: metadata ?? null }).metadata ?? undefined)
  }

  async getThread (id: string): Promise<Thread | undefined> {
    return await this.#manager.getThread(id)
  }

  async updateThread (id: string, updates: UpdateThreadRequest): Promise<Thread | undefined> {
    return await this.#manager.updateThread(id, this.#checked(UpdateThreadRequest, updates))
  }

  /** Those that fit, newest first unless asked otherwise; all of them unless limited. */
  async listThreads (options: ThreadListParams = {}): Promise<Thread[]> {
    const { limit, ...filter } = options
    return await this.#manager.listThreads({ ...this.#checked(ListThreadsQuery, filter), ...limit === undefined ? {} : { limit } })
  }

  /** Whether it existed. A run under way is stopped. */
  async deleteThread (id: string): Promise<boolean> {
    const { runs } = await this.#ready()
    return await absentAsUndefined(async () => {
      await runs.deleteThread(id)
      return true
    }) ?? false
  }

  /** Undefined when there is no such thread. Throws while a run of the thread is active. */
  async addMessage (threadId: string, request: CreateMessageRequest): Promise<Message | undefined> {
    return await this.#manager.addMessage(threadId, this.#checked(CreateMessageRequest, request))
  }

  async getMessage (threadId: string, messageId: string): Promise<Message | undefined> {
    return await this.#manager.getMessage(threadId, messageId)
  }

  /** Newest first unless asked otherwise; all of them unless limited. */
  async listMessages (threadId: string, options?: MessageListParams): Promise<Message[]> {
    return await this.#manager.listMessages(threadId, options)
  }

  /** Sets a run going and returns it, still queued. Throws for an unknown thread or assistant, and for a locked thread. */
  async createRun (threadId: string, request: CreateRunRequest): Promise<Run> {
    return (await this.#create(threadId, request)).run
  }

  /** A run and its events, to its end or to where it waits for tool outputs. Leaving the loop does not stop the run. */
  async * streamRun (threadId: string, request: CreateRunRequest): AsyncGenerator<StreamEvent, void, undefined> {
    yield * events(await this.#create(threadId, request))
  }

  /** A run that was created or answered in this process, as it is now, without a look at the store. */
  getRun (threadId: string, runId: string): Run | undefined {
    return this.#core.recentRun(this.#api.project, threadId, runId)
  }

  /** Any run in the store. */
  async retrieveRun (threadId: string, runId: string): Promise<Run | undefined> {
    const { runs } = await this.#ready()
    // A store in memory answers at once: without this a loop that polls would keep the run itself from going on.
    await nextTurn()
    return await absentAsUndefined(async () => await runs.get(threadId, runId))
  }

  /** Makes a run of this process stop; returns it as `cancelling`, or as it is if it has ended already. */
  cancelRun (threadId: string, runId: string): Run | undefined {
    const run = this.getRun(threadId, runId)
    if (run === undefined || !isActive(run.status) || run.status === 'cancelling') return run
    // Between our look and the store's answer the run may have ended by itself, which is as good.
    this.#api.runs.cancel(threadId, runId).catch(() => {})
    return { ...run, status: 'cancelling', required_action: null }
  }

  /** Undefined when there is no such run. Throws when it does not wait for these outputs. */
  async submitToolOutputs (threadId: string, runId: string, request: SubmitToolOutputsRequest): Promise<Run | undefined> {
    const { runs } = await this.#ready()
    return (await absentAsUndefined(async () => await runs.submitToolOutputs(threadId, runId, this.#checked(SubmitToolOutputsRequest, request))))?.run
  }

  /** The same, with the events that follow. Throws the 404 for a run that does not exist. */
  async * streamToolOutputs (threadId: string, runId: string, request: SubmitToolOutputsRequest): AsyncGenerator<StreamEvent, void, undefined> {
    const { runs } = await this.#ready()
    yield * events(await runs.submitToolOutputs(threadId, runId, this.#checked(SubmitToolOutputsRequest, request)))
  }

  /** A page of a run's steps, newest first unless asked otherwise; 20 unless limited. Empty when there is no such run. */
  async listRunSteps (threadId: string, runId: string, options: ListParams = {}): Promise<RunStep[]> {
    const { runs } = await this.#ready()
    return (await absentAsUndefined(async () => await runs.listSteps(threadId, runId, options)))?.data ?? []
  }

  /** Hands running runs over and closes what the adapter has opened. Without effect on the adapter of a server. */
  async close (): Promise<void> {
    if (this.#started === undefined || !this.#ownsCore) return
    await this.#started
    await this.#core.stop()
  }

  /** The request, if the API would take it; throws the error that the API would answer with. */
  #checked<T extends TSchema> (schema: T, request: unknown): Static<T> {
    const result = validatorOf(this.#core.extendSchema(schema))(request)
    if (result.error !== undefined) throw result.error
    return result.value as Static<T>
  }

  async #create (threadId: string, request: CreateRunRequest): Promise<StartedRun> {
    const { runs } = await this.#ready()
    return await runs.create(threadId, this.#checked(CreateRunRequest, request))
  }

  async #ready (): Promise<ProjectApi> {
    this.#started ??= this.#core.start()
    await this.#started
    await this.#core.enrol(this.#api.project)
    return this.#api
  }
}

/**
 * Makes an adapter, which opens its store on first use.
 *
 * @param runtime a Cogitator instance, a model provider, an AI SDK model, or the configuration of an endpoint.
 */
export function createOpenAIAdapter (runtime?: Runtime, options?: OpenAIAdapterOptions): OpenAIAdapter {
  return new OpenAIAdapter(runtime, options)
}

function events ({ log, from }: StartedRun): AsyncGenerator<StreamEvent, void, undefined> {
  return readEvents(log, from, new AbortController().signal)
}

const validators = new WeakMap<TSchema, ReturnType<typeof compileValidator>>()

function validatorOf (schema: TSchema): ReturnType<typeof compileValidator> {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const validate = compileValidator(schema, 'body', { unknownParameters: 'reject' })
  validators.set(schema, validate)
  return validate
}
