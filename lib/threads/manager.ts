import { buffer } from 'node:stream/consumers'
import type { Assistant, CreateAssistantRequest, UpdateAssistantRequest } from '../../schemas/assistants.js'
import type { ListResponse } from '../../schemas/common.js'
import type { FileObject } from '../../schemas/files.js'
import type { CreateMessageRequest, Message } from '../../schemas/messages.js'
import type { ForkThreadRequest, Thread, UpdateThreadRequest } from '../../schemas/threads.js'
import type { BlobStore } from '../../storage/blob-store.js'
import { eachRecord } from '../../storage/each-record.js'
import { DEFAULT_PROJECT, KIND, PARTITION } from '../../storage/layout.js'
import type { StoredFile } from '../../storage/thread-storage/thread-storage.js'
import { resolveBlobs, type ResolvedBlobs } from '../options/blobs.js'
import { systemClock, type Clock } from '../shared/clock.js'
import { absentAsUndefined } from '../shared/errors.js'
import { DEFAULT_FILE_SETTINGS, Files, type FileSettings } from '../files/files.js'
import type { ListParams } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { resolveStorage, type StorageOption } from '../options/storage.js'
import { Assistants } from './assistants.js'
import { rejectingLocks, type ThreadLocks } from '../shared/thread-locks.js'
import { Messages, type MessageListParams } from './messages.js'
import { Threads, type ThreadListParams } from './threads.js'
import type { BuiltInTools } from '../tools/built-in-tools.js'
import { standardTools } from '../tools/standard-tools.js'

/** Options of `ThreadManager`. All may be left out. */
export interface ThreadManagerOptions {
  /** The tenant whose objects it sees. Default `default`. */
  project?: string
  /** The time. For tests. Default: the system's. */
  clock?: Clock
  /** What happens to messages that come while a run is active. Default: they are refused. */
  locks?: ThreadLocks
  /** Where the bytes of files are kept: a URL or a store. Default: with the storage. */
  blobs?: string | BlobStore
  /** The built-in tools that assistants may declare. Default: those of the API, without vector stores: only the server indexes files. */
  builtInTools?: BuiltInTools
  /** Bounds of files. Default: up to 512 MiB for each. */
  files?: FileSettings
}

/** A message as plain text, the least that any model understands. */
export interface PlainMessage {
  role: 'user' | 'assistant'
  content: string
}

/**
 * Assistants, threads, messages and files of one project, on any store, without a server. What does not exist is undefined or
 * false here; what is not allowed throws an `ApiError`. The store is connected on first use.
 */
export class ThreadManager {
  readonly scope: Scope
  /** The services behind the methods; they throw the API's 404. */
  readonly assistants: Assistants
  readonly threads: Threads
  readonly messages: Messages
  readonly #options: ThreadManagerOptions
  readonly #ownsStorage: boolean
  #parent: ThreadManager | undefined
  #blobs: ResolvedBlobs | undefined
  #files: Files | undefined

  /** @param storage a storage, its URL, or nothing for one in memory. */
  constructor (storage: StorageOption = 'memory:', options: ThreadManagerOptions = {}) {
    const { records, isOurs } = resolveStorage(storage)
    this.#options = options
    this.#ownsStorage = isOurs
    this.scope = {
      records,
      project: options.project ?? DEFAULT_PROJECT,
      clock: options.clock ?? systemClock,
      locks: options.locks ?? rejectingLocks
    }
    const tools = options.builtInTools ?? standardTools()
    this.assistants = new Assistants(this.scope, tools)
    this.threads = new Threads(this.scope, tools)
    this.messages = new Messages(this.scope, tools)
  }

  /** The service behind the file methods: it streams, pages, and throws the API's 404. */
  get files (): Files {
    this.#files ??= new Files(this.scope, this.blobs, this.#options.files ?? DEFAULT_FILE_SETTINGS)
    return this.#files
  }

  /** Where the bytes of files are. Throws a `TypeError` for a record store of one's own without the option `blobs`. */
  get blobs (): BlobStore {
    if (this.#parent !== undefined) return this.#parent.blobs
    this.#blobs ??= resolveBlobs(this.#options.blobs, this.scope.records)
    return this.#blobs.store
  }

  /** The same store seen by another project. It has nothing to close. */
  forProject (project: string): ThreadManager {
    const { records, clock, locks } = this.scope
    const manager = new ThreadManager(records, { ...this.#options, clock, locks, project })
    manager.#parent = this
    return manager
  }

  /** Closes what the manager has opened; a storage that was passed in stays open. */
  async close (): Promise<void> {
    if (this.#blobs?.isOurs === true) await this.#blobs.store.disconnect()
    if (this.#ownsStorage) await this.scope.records.disconnect()
  }

  async createAssistant (request: CreateAssistantRequest): Promise<Assistant> {
    await this.#connect()
    return await this.assistants.create(request)
  }

  async getAssistant (id: string): Promise<Assistant | undefined> {
    return await this.#found(async () => await this.assistants.get(id))
  }

  /** Changes what is given; undefined when there is no such assistant. */
  async updateAssistant (id: string, updates: UpdateAssistantRequest): Promise<Assistant | undefined> {
    return await this.#found(async () => await this.assistants.update(id, updates))
  }

  /** Whether it existed. */
  async deleteAssistant (id: string): Promise<boolean> {
    return await this.#existed(async () => await this.assistants.delete(id))
  }

  /** All of them, oldest first. */
  async listAssistants (): Promise<Assistant[]> {
    await this.#connect()
    const { records, project } = this.scope
    const all: Assistant[] = []
    for await (const { body } of eachRecord<Assistant>(records, { project, partition: PARTITION.assistants, kind: KIND.assistant })) all.push(body)
    return all
  }

  async createThread (metadata?: Record<string, string>): Promise<Thread> {
    await this.#connect()
    return await this.threads.create({ metadata: metadata ?? null })
  }

  async getThread (id: string): Promise<Thread | undefined> {
    return await this.#found(async () => await this.threads.get(id))
  }

  /** Those that fit, newest first unless asked otherwise; all of them unless limited. */
  async listThreads (options: ThreadListParams = {}): Promise<Thread[]> {
    await this.#connect()
    return await this.#allPages(options, async params => await this.threads.list(params))
  }

  /** A new thread with the messages up to one of them, or all; undefined when there is no such thread or message. */
  async forkThread (id: string, request: ForkThreadRequest = {}): Promise<Thread | undefined> {
    return await this.#found(async () => await this.threads.fork(id, request))
  }

  async updateThread (id: string, updates: UpdateThreadRequest): Promise<Thread | undefined> {
    return await this.#found(async () => await this.threads.update(id, updates))
  }

  /** Whether it existed. */
  async deleteThread (id: string): Promise<boolean> {
    return await this.#existed(async () => await this.threads.delete(id))
  }

  /** Undefined when there is no such thread. Throws an `ApiError` while a run of the thread is active. */
  async addMessage (threadId: string, request: CreateMessageRequest): Promise<Message | undefined> {
    return await this.#found(async () => await this.messages.create(threadId, request))
  }

  /** Adds an answer that was made elsewhere, as that of an assistant's run. */
  async addAssistantMessage (threadId: string, content: string, assistantId: string, runId: string): Promise<Message | undefined> {
    return await this.#found(async () => await this.messages.create(threadId, { role: 'assistant', content }, { assistant_id: assistantId, run_id: runId }))
  }

  async getMessage (threadId: string, messageId: string): Promise<Message | undefined> {
    return await this.#found(async () => await this.messages.get(threadId, messageId))
  }

  /** Newest first unless asked otherwise; all of them unless limited. Empty when there is no such thread. */
  async listMessages (threadId: string, options: MessageListParams = {}): Promise<Message[]> {
    return await this.#found(async () => await this.#allPages(options, async params => await this.messages.list(threadId, params))) ?? []
  }

  async #allPages<T, Params extends ListParams> (options: Params, list: (params: Params) => Promise<ListResponse<T>>): Promise<T[]> {
    const all: T[] = []
    const limit = options.limit ?? Infinity
    let { after } = options
    for (;;) {
      const page = await list({ ...options, ...after === undefined ? {} : { after }, limit: Math.min(limit - all.length, 100) })
      all.push(...page.data)
      // A page before a cursor is the one next to it: there is nothing to go on to.
      if (!page.has_more || all.length >= limit || page.last_id === null || options.before !== undefined) return all
      after = page.last_id
    }
  }

  /** The conversation as plain text, oldest first, for a model call of one's own. */
  async getMessagesForLLM (threadId: string): Promise<PlainMessage[]> {
    const messages = await this.listMessages(threadId, { order: 'asc' })
    return messages.map(({ role, content }) => ({
      role,
      content: content.flatMap(part => part.type === 'text' ? [part.text.value] : []).join('\n')
    }))
  }

  /** A file for assistants to read (purpose `assistants`). Path and control characters of its name are dropped. */
  async addFile (content: Buffer, filename: string): Promise<StoredFile> {
    await this.#connectFiles()
    const file = await this.files.create({ filename, purpose: 'assistants' }, once(content))
    return { id: file.id, content, filename: file.filename, created_at: file.created_at }
  }

  /** A file with its bytes. Undefined when it does not exist. */
  async getFile (id: string): Promise<StoredFile | undefined> {
    await this.#connectFiles()
    return await absentAsUndefined(async () => await this.#withContent(await this.files.get(id)))
  }

  /** All of them with their bytes, oldest first. For more than a few, `files.list()` tells what there is without them. */
  async listFiles (): Promise<StoredFile[]> {
    await this.#connectFiles()
    const { records, project } = this.scope
    const all: StoredFile[] = []
    for await (const { id } of eachRecord(records, { project, partition: PARTITION.files, kind: KIND.file })) {
      const file = await this.getFile(id)
      if (file !== undefined) all.push(file)
    }
    return all
  }

  /** Whether it existed. */
  async deleteFile (id: string): Promise<boolean> {
    await this.#connectFiles()
    return await this.#existed(async () => await this.files.delete(id))
  }

  async #withContent ({ id, filename, created_at: createdAt }: FileObject): Promise<StoredFile> {
    return { id, content: await buffer(await this.files.open(id)), filename, created_at: createdAt }
  }

  async #connect (): Promise<void> {
    await this.scope.records.connect()
  }

  async #connectFiles (): Promise<void> {
    await Promise.all([this.#connect(), this.blobs.connect()])
  }

  async #found<T> (work: () => Promise<T>): Promise<T | undefined> {
    await this.#connect()
    return await absentAsUndefined(work)
  }

  async #existed (work: () => Promise<void>): Promise<boolean> {
    return await this.#found(async () => {
      await work()
      return true
    }) ?? false
  }
}

async function * once (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
