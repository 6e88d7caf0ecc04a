import type { CreateThreadRequest, Thread, UpdateThreadRequest } from '../../schemas/threads.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { StoredRecord, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { notFound } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { withAttachments } from './attachments.js'
import { THREAD_STORE_EXPIRY } from '../vector-stores/attachments.js'
import { PendingStores } from '../vector-stores/pending.js'
import { newMessage, putMessage } from './new-message.js'
import { resolveToolResources, withoutDeletedFiles } from './resources.js'

/** Threads of one project (API reference, "Threads"). */
export class Threads {
  readonly #scope: Scope

  constructor (scope: Scope) {
    this.#scope = scope
  }

  /**
   * The thread with its first messages, in one write.
   *
   * @param also what else must come into being with the thread, in the same write (a first run).
   */
  async create (request: CreateThreadRequest, also: (thread: Thread) => Promise<WriteItem[]> = async () => []): Promise<Thread> {
    return await PendingStores.during(this.#scope, async pending => await this.#create(pending, request, also))
  }

  async #create (pending: PendingStores, request: CreateThreadRequest, also: (thread: Thread) => Promise<WriteItem[]>): Promise<Thread> {
    const { records, clock, project } = this.#scope
    const id = newId.thread()
    const messages = await Promise.all((request.messages ?? []).map(async (message, i) => await newMessage(this.#scope, id, message, `messages[${i}].`)))
    const resources = await resolveToolResources(this.#scope, request.tool_resources, {
      make: async wanted => await pending.make({ ...wanted, expires_after: THREAD_STORE_EXPIRY })
    })
    const thread = withAttachments({
      id,
      object: 'thread',
      created_at: unixSeconds(clock),
      metadata: request.metadata ?? {},
      tool_resources: await pending.attach(resources, messages)
    }, messages)
    const more = await also(thread)
    await records.write({ project, partition: PARTITION.threads }, [{ op: 'put', kind: KIND.thread, id, body: {} }])
    await records.write({ project, partition: id }, [
      { op: 'put', kind: KIND.thread, id, body: thread, expect: 'absent' },
      ...messages.flatMap(putMessage),
      ...more
    ])
    pending.keep(thread.tool_resources)
    return thread
  }

  /** Throws the 404. */
  async get (id: string): Promise<Thread> {
    return await withoutDeletedFiles(this.#scope, (await this.load(id)).body)
  }

  async update (id: string, request: UpdateThreadRequest): Promise<Thread> {
    const { records, project } = this.#scope
    return await untilWritten(async () => {
      const { body, version } = await this.load(id)
      const old = await withoutDeletedFiles(this.#scope, body)
      const next: Thread = {
        ...old,
        metadata: request.metadata === undefined ? old.metadata : request.metadata ?? {},
        tool_resources: request.tool_resources === undefined
          ? old.tool_resources
          : await resolveToolResources(this.#scope, request.tool_resources, { old: old.tool_resources })
      }
      const written = await records.write({ project, partition: id },
        [{ op: 'put', kind: KIND.thread, id, body: next, expect: version }])
      return written ? next : undefined
    })
  }

  /** With its messages and runs. A run under way finds its thread gone and ends in silence. */
  async delete (id: string): Promise<void> {
    const { records, project } = this.#scope
    await untilWritten(async () => {
      const { version } = await this.load(id)
      return await records.write({ project, partition: id },
        [{ op: 'check', kind: KIND.thread, id, expect: version }, { op: 'clear' }]) || undefined
    })
    await records.write({ project, partition: PARTITION.threads }, [{ op: 'delete', kind: KIND.thread, id }])
  }

  async load (id: string): Promise<StoredRecord<Thread>> {
    const record = await this.#scope.records.get<Thread>({ project: this.#scope.project, partition: id, kind: KIND.thread, id })
    if (record === undefined) throw notFound('thread', id)
    return record
  }
}
