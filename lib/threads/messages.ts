import type { ListResponse } from '../../schemas/common.js'
import type { CreateMessageRequest, Message, UpdateMessageRequest } from '../../schemas/messages.js'
import { rememberPlace } from '../../storage/deleted-places.js'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import type { StoredRecord } from '../../storage/record-store.js'
import { badRequest, notFound } from '../shared/errors.js'
import { listOf, listRecords, pageOf, type ListParams } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { Locked } from '../shared/thread-locks.js'
import type { BuiltInTools } from '../tools/built-in-tools.js'
import { ToolResourceChanges } from '../tools/tool-resources.js'
import { loadLock } from './lock.js'
import { newMessage, putMessage } from './new-message.js'
import { Threads } from './threads.js'

const missing = (id: string) => notFound('message', id)

export interface MessageListParams extends ListParams {
  /** Only messages of this run. */
  run_id?: string
}

/** Messages of one project's threads (API reference, "Messages"). */
export class Messages {
  readonly #scope: Scope
  readonly #tools: BuiltInTools
  readonly #threads: Threads

  constructor (scope: Scope, tools: BuiltInTools) {
    this.#scope = scope
    this.#tools = tools
    this.#threads = new Threads(scope, tools)
  }

  /** Refused, or made to wait, while a run of the thread is active (API reference, "Runs and run steps", thread locks). */
  async create (threadId: string, request: CreateMessageRequest, origin: Partial<Pick<Message, 'assistant_id' | 'run_id'>> = {}): Promise<Message> {
    const { records, project } = this.#scope
    const result = await ToolResourceChanges.during(this.#scope, this.#tools, async changes => await this.#scope.locks.runWhenUnlocked(project, threadId, async () => await untilWritten(async () => {
      const thread = await this.#threads.load(threadId)
      const message: Message = { ...await newMessage(this.#scope, threadId, request), ...origin }
      const active = request.attachments?.length ? await loadLock(this.#scope, threadId) : undefined
      if (active !== undefined) return new Locked(active.run_id)
      const resources = await changes.attach(thread.body.tool_resources, [message])
      const written = await records.write({ project, partition: threadId }, [
        Threads.putResources(thread, resources),
        { op: 'check', kind: KIND.lock, id: RUN_LOCK_ID, expect: 'absent' },
        ...putMessage(message)
      ])
      if (written) {
        changes.keep(resources)
        return message
      }
      const lock = await loadLock(this.#scope, threadId)
      return lock === undefined ? undefined : new Locked(lock.run_id)
    })))
    if (result instanceof Locked) throw badRequest(`Can't add messages to ${threadId} while a run ${result.runId} is active.`)
    return result
  }

  /** Throws the 404, of the thread first. */
  async get (threadId: string, id: string): Promise<Message> {
    return (await this.#load(threadId, id)).body
  }

  /** Only metadata can change (API reference, "Modify message"). */
  async update (threadId: string, id: string, request: UpdateMessageRequest): Promise<Message> {
    const { records, project } = this.#scope
    return await untilWritten(async () => {
      const { body: old, version } = await this.#load(threadId, id)
      const next: Message = { ...old, metadata: request.metadata === undefined ? old.metadata : request.metadata ?? {} }
      const written = await records.write({ project, partition: threadId },
        [{ op: 'put', kind: KIND.message, id, body: next, expect: version }])
      return written ? next : undefined
    })
  }

  async delete (threadId: string, id: string): Promise<void> {
    const { records, project } = this.#scope
    await untilWritten(async () => {
      const record = await this.#load(threadId, id)
      return await records.write({ project, partition: threadId }, [
        { op: 'delete', kind: KIND.message, id, expect: record.version },
        { op: 'delete', kind: KIND.runMessage, id },
        ...await rememberPlace(records, record)
      ]) || undefined
    })
  }

  async list (threadId: string, params: MessageListParams): Promise<ListResponse<Message>> {
    await this.#threads.load(threadId)
    if (params.run_id !== undefined) return await this.#ofRun(threadId, params.run_id, params)
    return await listRecords<Message>(this.#scope, { partition: threadId, kind: KIND.message }, params, missing)
  }

  async #ofRun (threadId: string, runId: string, params: ListParams): Promise<ListResponse<Message>> {
    const { records, project } = this.#scope
    const source = { partition: threadId, kind: KIND.runMessage, parent: runId, objects: KIND.message }
    const page = await pageOf<object>(this.#scope, source, params, missing)
    const messages = await Promise.all(page.records.map(async ({ id }) => await records.get<Message>({ project, partition: threadId, kind: KIND.message, id })))
    return listOf(messages.flatMap(message => message?.body ?? []), page.hasMore)
  }

  async #load (threadId: string, id: string): Promise<StoredRecord<Message>> {
    const { records, project } = this.#scope
    const [, record] = await Promise.all([
      this.#threads.load(threadId),
      records.get<Message>({ project, partition: threadId, kind: KIND.message, id })
    ])
    if (record === undefined) throw missing(id)
    return record
  }
}
