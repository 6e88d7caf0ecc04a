import type { ListResponse } from '../../schemas/common.js'
import type { Message } from '../../schemas/messages.js'
import type { CreateThreadRequest, ForkThreadRequest, ListThreadsQuery, Thread, UpdateThreadRequest } from '../../schemas/threads.js'
import { rememberPlace } from '../../storage/deleted-places.js'
import { eachRecord } from '../../storage/each-record.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { PartitionWrite, StoredRecord, WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { badRequest, notFound } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import { listSelected } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { writeAfter } from '../shared/write-after.js'
import type { BuiltInTools } from '../tools/built-in-tools.js'
import { THREAD_STORE_EXPIRY } from '../tools/file-search/resources.js'
import { ToolResourceChanges, withCurrentResources } from '../tools/tool-resources.js'
import { newMessage, putMessage } from './new-message.js'

const SOURCE = { partition: PARTITION.threads, kind: KIND.thread }
/** Threads to look at for one page of those that fit: as many as a store reads in a few seconds. */
const MAX_SCAN = 10_000
/** Messages of one fork, and their bytes: they are one write, held in memory. */
const MOST_FORKED = 1000
const MOST_FORKED_BYTES = 32 * 1024 * 1024
/** Messages read at a time: a few long ones are not to take more than a fork may. */
const FORK_PAGE = 20

/** Which threads `list` shows; without any of it, all. */
export type ThreadListParams = ListThreadsQuery

/** What comes into being with a thread: a first run. */
interface Along {
  items: WriteItem[]
  /** What has to be there before, in other partitions. */
  before: PartitionWrite[]
}

/** Threads of one project (API reference, "Threads"). */
export class Threads {
  readonly #scope: Scope
  readonly #tools: BuiltInTools

  constructor (scope: Scope, tools: BuiltInTools) {
    this.#scope = scope
    this.#tools = tools
  }

  /**
   * The thread with its first messages, in one write.
   *
   * @param also what else comes into being, in the same write.
   */
  async create (request: CreateThreadRequest, also?: (thread: Thread) => Promise<Along>): Promise<Thread> {
    return await ToolResourceChanges.during(this.#scope, this.#tools, async changes => await this.#create(changes, request, also))
  }

  async #create (changes: ToolResourceChanges, request: CreateThreadRequest, also?: (thread: Thread) => Promise<Along>): Promise<Thread> {
    const { records, clock, project } = this.#scope
    const id = newId.thread()
    const messages = await Promise.all((request.messages ?? []).map(async (message, i) => await newMessage(this.#scope, id, message, `messages[${i}].`)))
    const resources = await changes.resolve(request.tool_resources, { vectorStores: { expiresAfter: THREAD_STORE_EXPIRY } })
    const thread: Thread = {
      id,
      object: 'thread',
      created_at: unixSeconds(clock),
      metadata: request.metadata ?? {},
      tool_resources: await changes.attach(resources, messages)
    }
    const { items = [], before = [] } = await also?.(thread) ?? {}
    await writeAfter(records, [this.#indexed(id), ...before], { project, partition: id }, [
      { op: 'put', kind: KIND.thread, id, body: thread, expect: 'absent' },
      ...messages.flatMap(putMessage),
      ...items
    ])
    changes.keep(thread.tool_resources)
    return thread
  }

  /**
   * A new thread with the messages of another up to one of them, in one write, under ids of their own. Their runs stay where they are, and
   * what is just being written is left out. Throws the 404, and a 400 for more than can be copied at once.
   */
  async fork (id: string, { message_id: lastId, metadata }: ForkThreadRequest): Promise<Thread> {
    const { records, clock, project } = this.#scope
    const [original, last] = await Promise.all([this.get(id), lastId === undefined ? undefined : records.get<Message>({ project, partition: id, kind: KIND.message, id: lastId })])
    if (lastId !== undefined && last === undefined) throw notFound('message', lastId)
    if (last?.body.status === 'in_progress') throw badRequest(`The message ${lastId} is still being written.`, { param: 'message_id', code: 'invalid_value' })
    const thread: Thread = { ...original, id: newId.thread(), created_at: unixSeconds(clock), metadata: metadata === undefined ? original.metadata : metadata ?? {} }
    const copies: WriteItem[] = []
    let bytes = 0
    for await (const { body, position } of eachRecord<Message>(records, { project, partition: id, kind: KIND.message }, { pageLength: FORK_PAGE })) {
      if (last !== undefined && position > last.position) break
      if (body.status === 'in_progress') continue
      bytes += JSON.stringify(body).length
      if (copies.length === MOST_FORKED || bytes > MOST_FORKED_BYTES) {
        throw badRequest(`The thread ${id} is too long to be forked there: at most ${MOST_FORKED} messages, of ${MOST_FORKED_BYTES} characters of JSON together, are copied.`, { param: 'message_id', code: 'invalid_value' })
      }
      copies.push(...putMessage({ ...body, id: newId.message(), thread_id: thread.id, run_id: null }))
    }
    await writeAfter(records, [this.#indexed(thread.id)], { project, partition: thread.id }, [{ op: 'put', kind: KIND.thread, id: thread.id, body: thread, expect: 'absent' }, ...copies])
    return thread
  }

  /** Its entry in the list of all threads. */
  #indexed (id: string): PartitionWrite {
    return { key: { project: this.#scope.project, partition: SOURCE.partition }, items: [{ op: 'put', kind: SOURCE.kind, id, body: {} }] }
  }

  /** Throws the 404. */
  async get (id: string): Promise<Thread> {
    return await withCurrentResources(this.#scope, this.#tools, (await this.load(id)).body)
  }

  /**
   * The threads that fit `params`, newest first unless asked otherwise. They have no index but that of all threads, so each is looked at;
   * where one page would take more than 10,000 of them it ends early, and its `last_id` is where the next one goes on.
   */
  async list (params: ThreadListParams, signal?: AbortSignal): Promise<ListResponse<Thread>> {
    const { records, project } = this.#scope
    const select = async ({ id }: StoredRecord): Promise<Thread | undefined> => {
      // An entry of the index may point at nothing.
      const record = await records.get<Thread>({ project, partition: id, kind: KIND.thread, id })
      return record !== undefined && fits(record.body, params) ? await withCurrentResources(this.#scope, this.#tools, record.body) : undefined
    }
    return await listSelected(this.#scope, SOURCE, params, id => notFound('thread', id), select, { maxScan: MAX_SCAN, signal })
  }

  async update (id: string, request: UpdateThreadRequest): Promise<Thread> {
    const { records, project } = this.#scope
    return await ToolResourceChanges.during(this.#scope, this.#tools, async changes => await untilWritten(async () => {
      const { body, version } = await this.load(id)
      const old = await withCurrentResources(this.#scope, this.#tools, body)
      const next: Thread = {
        ...old,
        metadata: request.metadata === undefined ? old.metadata : request.metadata ?? {},
        tool_resources: request.tool_resources === undefined
          ? old.tool_resources
          : await changes.resolve(request.tool_resources, { old: old.tool_resources })
      }
      const written = await records.write({ project, partition: id },
        [{ op: 'put', kind: KIND.thread, id, body: next, expect: version }])
      return written ? next : undefined
    }))
  }

  /** With its messages and runs. A run under way finds its thread gone and ends in silence. */
  async delete (id: string): Promise<void> {
    const { records, project } = this.#scope
    await untilWritten(async () => {
      const { version } = await this.load(id)
      return await records.write({ project, partition: id },
        [{ op: 'check', kind: KIND.thread, id, expect: version }, { op: 'clear' }]) || undefined
    })
    const entry = await records.get({ project, ...SOURCE, id })
    if (entry !== undefined) await records.write(entry, [{ op: 'delete', kind: SOURCE.kind, id }, ...await rememberPlace(records, entry)])
  }

  /**
   * The item for a batch that must fail when the thread has changed: a new version of the thread, or only the check.
   *
   * @param resources as `ToolResourceChanges.attach` has returned them.
   */
  static putResources ({ id, version, body }: StoredRecord<Thread>, resources: Thread['tool_resources']): WriteItem {
    return resources === body.tool_resources
      ? { op: 'check', kind: KIND.thread, id, expect: version }
      : { op: 'put', kind: KIND.thread, id, body: { ...body, tool_resources: resources }, expect: version }
  }

  async load (id: string): Promise<StoredRecord<Thread>> {
    const record = await this.#scope.records.get<Thread>({ project: this.#scope.project, partition: id, kind: KIND.thread, id })
    if (record === undefined) throw notFound('thread', id)
    return record
  }
}

function fits (thread: Thread, { metadata = {}, created_after: from = -Infinity, created_before: until = Infinity }: ThreadListParams): boolean {
  const { created_at: at, metadata: own } = thread
  return at >= from && at < until && Object.entries(metadata).every(([key, value]) => Object.hasOwn(own, key) && own[key] === value)
}
