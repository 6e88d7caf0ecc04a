import type { ListResponse } from '../../schemas/common.js'
import type { CreateMessageRequest, Message, UpdateMessageRequest } from '../../schemas/messages.js'
import type { RunStep } from '../../schemas/run-steps.js'
import { KIND, RUN_LOCK_ID } from '../../storage/layout.js'
import type { StoredRecord } from '../../storage/record-store.js'
import { badRequest, notFound } from '../errors.js'
import { eachRecord, listItems, listRecords, type ListParams } from '../pagination.js'
import { untilWritten, type Scope } from '../scope.js'
import { Locked } from './locks.js'
import { newMessage, putMessage } from './new-message.js'
import { Threads } from './threads.js'

/** What the lock in a thread's partition says. */
export interface RunLock {
  run_id: string
}

export interface MessageListParams extends ListParams {
  /** Only messages of this run. */
  run_id?: string
}

/** Messages of one project's threads (API reference, "Messages"). */
export class Messages {
  readonly #scope: Scope
  readonly #threads: Threads

  constructor (scope: Scope) {
    this.#scope = scope
    this.#threads = new Threads(scope)
  }

  /** Refused, or made to wait, while a run of the thread is active (API reference, "Runs and run steps", thread locks). */
  async create (threadId: string, request: CreateMessageRequest): Promise<Message> {
    const { records, project } = this.#scope
    const result = await this.#scope.locks.pass(project, threadId, async () => await untilWritten(async () => {
      const thread = await this.#threads.load(threadId)
      const message = newMessage(this.#scope, threadId, request)
      const written = await records.write({ project, partition: threadId }, [
        { op: 'check', kind: KIND.thread, id: threadId, expect: thread.version },
        { op: 'check', kind: KIND.lock, id: RUN_LOCK_ID, expect: 'absent' },
        putMessage(message)
      ])
      if (written) return message
      const lock = await this.#lock(threadId)
      return lock === undefined ? undefined : new Locked(lock.run_id)
    }))
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
      const { version } = await this.#load(threadId, id)
      return await records.write({ project, partition: threadId },
        [{ op: 'delete', kind: KIND.message, id, expect: version }]) || undefined
    })
  }

  async list (threadId: string, params: MessageListParams): Promise<ListResponse<Message>> {
    await this.#threads.load(threadId)
    const missing = (id: string) => notFound('message', id)
    if (params.run_id !== undefined) return listItems(await this.#ofRun(threadId, params.run_id), params, missing)
    return await listRecords<Message>(this.#scope, { partition: threadId, kind: KIND.message }, params, missing)
  }

  /** A run names its messages in its steps, so that the filter need not walk the thread. */
  async #ofRun (threadId: string, runId: string): Promise<Message[]> {
    const { records, project } = this.#scope
    const messages: Message[] = []
    for await (const { body: step } of eachRecord<RunStep>(this.#scope, { partition: threadId, kind: KIND.step, parent: runId })) {
      if (step.step_details.type !== 'message_creation') continue
      const id = step.step_details.message_creation.message_id
      const record = await records.get<Message>({ project, partition: threadId, kind: KIND.message, id })
      if (record !== undefined) messages.push(record.body)
    }
    return messages
  }

  async #load (threadId: string, id: string): Promise<StoredRecord<Message>> {
    const { records, project } = this.#scope
    const [, record] = await Promise.all([
      this.#threads.load(threadId),
      records.get<Message>({ project, partition: threadId, kind: KIND.message, id })
    ])
    if (record === undefined) throw notFound('message', id)
    return record
  }

  async #lock (threadId: string): Promise<RunLock | undefined> {
    const key = { project: this.#scope.project, partition: threadId, kind: KIND.lock, id: RUN_LOCK_ID }
    return (await this.#scope.records.get<RunLock>(key))?.body
  }
}
