import type { Assistant, CreateAssistantRequest, UpdateAssistantRequest } from '../../schemas/assistants.js'
import type { CreateMessageRequest, Message } from '../../schemas/messages.js'
import type { Thread, UpdateThreadRequest } from '../../schemas/threads.js'
import { eachRecord } from '../../storage/each.js'
import { DEFAULT_PROJECT, KIND, PARTITION } from '../../storage/layout.js'
import { systemClock, type Clock } from '../clock.js'
import { absentAsUndefined } from '../errors.js'
import type { Scope } from '../scope.js'
import { resolveStorage, type StorageOption } from '../storage-option.js'
import { Assistants } from './assistants.js'
import { rejectingLocks, type ThreadLocks } from './locks.js'
import { Messages, type MessageListParams } from './messages.js'
import { Threads } from './threads.js'

export interface ThreadManagerOptions {
  /** Default `default`. */
  project?: string
  clock?: Clock
  /** What happens to messages that come while a run is active. Default: they are refused. */
  locks?: ThreadLocks
}

/** A message as plain text, the least that any model understands. */
export interface PlainMessage {
  role: 'user' | 'assistant'
  content: string
}

/**
 * Assistants, threads and messages of one project, whatever the store, without a server. What does not exist is undefined or
 * false here; what is not allowed throws an `ApiError`. The store is connected on first use.
 */
export class ThreadManager {
  readonly scope: Scope
  /** The services behind the methods; they throw the API's 404. */
  readonly assistants: Assistants
  readonly threads: Threads
  readonly messages: Messages

  /** @param storage a storage, its URL, or nothing for one in memory. */
  constructor (storage: StorageOption = 'memory:', options: ThreadManagerOptions = {}) {
    this.scope = {
      records: resolveStorage(storage).records,
      project: options.project ?? DEFAULT_PROJECT,
      clock: options.clock ?? systemClock,
      locks: options.locks ?? rejectingLocks
    }
    this.assistants = new Assistants(this.scope)
    this.threads = new Threads(this.scope)
    this.messages = new Messages(this.scope)
  }

  /** The same store seen by another project. */
  forProject (project: string): ThreadManager {
    const { records, clock, locks } = this.scope
    return new ThreadManager(records, { project, clock, locks })
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
    return await this.#found(async () => {
      const messages: Message[] = []
      const limit = options.limit ?? Infinity
      let { after } = options
      for (;;) {
        const page = await this.messages.list(threadId, { ...options, after, limit: Math.min(limit - messages.length, 100) })
        messages.push(...page.data)
        // A page before a cursor is the one next to it: there is nothing to go on to.
        if (!page.has_more || messages.length >= limit || page.last_id === null || options.before !== undefined) return messages
        after = page.last_id
      }
    }) ?? []
  }

  /** The conversation as plain text, oldest first, for a model call of one's own. */
  async getMessagesForLLM (threadId: string): Promise<PlainMessage[]> {
    const messages = await this.listMessages(threadId, { order: 'asc' })
    return messages.map(({ role, content }) => ({
      role,
      content: content.flatMap(part => part.type === 'text' ? [part.text.value] : []).join('\n')
    }))
  }

  async #connect (): Promise<void> {
    await this.scope.records.connect()
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
