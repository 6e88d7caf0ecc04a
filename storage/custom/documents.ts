import type { Assistant } from '../../schemas/assistants.js'
import type { Message } from '../../schemas/messages.js'
import type { Thread } from '../../schemas/threads.js'
import type { Row } from '../base/abstract-record-store.js'
import { DEFAULT_PROJECT, KIND, PARTITION } from '../layout.js'
import { MemoryPartition } from '../memory/store.js'
import type { PartitionKey } from '../record-store.js'
import type { StoredAssistant, StoredThread, ThreadStorage } from '../thread-storage/thread-storage.js'
import { wireAssistant, wireThread } from '../thread-storage/wire.js'

/** How a partition is kept in the documents of a storage with the twelve methods. */
export interface Documents {
  load (): Promise<MemoryPartition>
  /** Absent where the partition is only a view of other documents: there is nothing to save and nothing to cache. */
  save? (after: MemoryPartition, before: MemoryPartition): Promise<void>
}

export function documentsOf (storage: ThreadStorage, { project, partition }: PartitionKey): Documents {
  if (project === DEFAULT_PROJECT && partition === PARTITION.assistants) return new AssistantDocuments(storage)
  if (project === DEFAULT_PROJECT && partition === PARTITION.threads) return new ThreadIndex(storage)
  return new ThreadDocument(storage, { project, partition })
}

/** The key that our documents have and the API's objects do not: what the twelve methods have no place for. */
const EXTRA = 'openai_compat'

/** Where a record stands in its partition. */
type Place = [position: number, version: number]

interface ThreadExtra {
  project: string
  highestPosition: number
  /** Absent when the document is no thread, but only keeps records. */
  thread?: Place
  messages: [id: string, ...Place][]
  /** All that is neither the thread nor one of its messages: runs, steps, the lock. */
  records: { kind: string, id: string, parent: string, position: number, version: number, body: unknown }[]
}

type ExtendedThread = Thread & { [EXTRA]?: ThreadExtra }
type ExtendedAssistant = StoredAssistant & { [EXTRA]?: Place }

/**
 * A partition as one thread, with its messages where the contract has them. A document that others wrote is
 * understood too.
 */
class ThreadDocument implements Documents {
  readonly #storage: ThreadStorage
  readonly #project: string
  readonly #threadId: string
  readonly #documentId: string

  constructor (storage: ThreadStorage, { project, partition }: PartitionKey) {
    this.#storage = storage
    this.#project = project
    this.#threadId = partition
    // The slash keeps the documents of other projects apart from the threads of the default one.
    const name = encodeURIComponent(partition)
    this.#documentId = project === DEFAULT_PROJECT ? name : `${encodeURIComponent(project)}/${name}`
  }

  async load (): Promise<MemoryPartition> {
    const partition = new MemoryPartition()
    const document = await this.#storage.loadThread(this.#documentId)
    if (document === null) return partition

    const { [EXTRA]: extra, ...thread } = document.thread as ExtendedThread
    let highest = extra?.highestPosition ?? 0
    const add = (kind: string, id: string, [position, version]: Place, body: unknown) =>
      partition.add(kind, { id, parent: '', position, version, json: JSON.stringify(body) })

    if (extra === undefined) add(KIND.thread, this.#threadId, [++highest, 1], wireThread(this.#threadId, thread))
    else if (extra.thread !== undefined) add(KIND.thread, this.#threadId, extra.thread, thread)
    const places = new Map(extra?.messages.map(([id, ...place]) => [id, place]))
    for (const message of document.messages) add(KIND.message, message.id, places.get(message.id) ?? [++highest, 1], message)
    for (const { kind, body, ...row } of extra?.records ?? []) partition.add(kind, { ...row, json: JSON.stringify(body) })
    partition.saveHighestPosition(highest)
    return partition
  }

  async save (partition: MemoryPartition): Promise<void> {
    if (partition.isNew) {
      await this.#storage.deleteThread(this.#documentId)
      return
    }
    const extra: ThreadExtra = { project: this.#project, highestPosition: partition.highestPosition(), messages: [], records: [] }
    let thread: unknown = wireThread(this.#documentId, {})
    const messages: Message[] = []
    for (const [kind, row] of partition.all()) {
      const body: unknown = JSON.parse(row.json)
      const { id, parent, position, version } = row
      if (kind === KIND.thread && isObjectOf(row, body) && id === this.#threadId) {
        thread = body
        extra.thread = [position, version]
      } else if (kind === KIND.message && isObjectOf(row, body)) {
        messages.push(body as Message)
        extra.messages.push([id, position, version])
      } else {
        extra.records.push({ kind, id, parent, position, version, body })
      }
    }
    const document: StoredThread = { thread: { ...thread as Thread, [EXTRA]: extra } as ExtendedThread, messages }
    await this.#storage.saveThread(this.#documentId, document)
  }
}

/** Whether a record is one of the API's objects, which is all that the contract has a place for. */
function isObjectOf ({ id, parent }: Row, body: unknown): boolean {
  return parent === '' && typeof body === 'object' && body !== null && (body as { id?: unknown }).id === id
}

/**
 * The assistants, each a document. A batch that changes several is not atomic here, and the position of the last one may be
 * given again after its deletion and a restart; neither is of consequence for what the API does with them.
 */
class AssistantDocuments implements Documents {
  readonly #storage: ThreadStorage

  constructor (storage: ThreadStorage) {
    this.#storage = storage
  }

  async load (): Promise<MemoryPartition> {
    const partition = new MemoryPartition()
    const documents = await this.#storage.listAssistants() as ExtendedAssistant[]
    const taken = new Set(documents.map(document => document[EXTRA]?.[0]))
    let free = 0
    const nextFree = (): number => {
      do free++
      while (taken.has(free))
      return free
    }
    let highest = 0
    // Those that others saved fill the gaps, the oldest first: they keep their places when newer ones are added.
    for (const { [EXTRA]: place, ...assistant } of documents.sort((a, b) => a.created_at - b.created_at)) {
      const [position, version] = place ?? [nextFree(), 1]
      highest = Math.max(highest, position)
      const body = place === undefined ? wireAssistant(assistant.id, assistant) : assistant
      partition.add(KIND.assistant, { id: assistant.id, parent: '', position, version, json: JSON.stringify(body) })
    }
    partition.saveHighestPosition(highest)
    return partition
  }

  async save (after: MemoryPartition, before: MemoryPartition): Promise<void> {
    for (const [kind, row] of after.all()) {
      // The contract has no place for them: they are remembered for as long as the partition is cached.
      if (kind === KIND.deleted) continue
      if (kind !== KIND.assistant) throw new TypeError('A custom storage keeps nothing but assistants among the assistants.')
      const { id, position, version, json } = row
      const old = before.read(kind, id)
      if (old?.version === version && old.position === position) continue
      const document: ExtendedAssistant = { ...JSON.parse(json) as Assistant, [EXTRA]: [position, version] }
      await this.#storage.saveAssistant(id, document)
    }
    for (const [kind, { id }] of before.all()) {
      if (kind === KIND.assistant && after.read(kind, id) === undefined) await this.#storage.deleteAssistant(id)
    }
  }
}

/** The index of threads: the storage lists them itself. */
class ThreadIndex implements Documents {
  readonly #storage: ThreadStorage

  constructor (storage: ThreadStorage) {
    this.#storage = storage
  }

  async load (): Promise<MemoryPartition> {
    const partition = new MemoryPartition()
    const threads = (await this.#storage.listThreads()).map(document => document.thread as ExtendedThread)
    for (const thread of threads.sort((a, b) => a.created_at - b.created_at)) {
      const extra = thread[EXTRA]
      if (extra !== undefined && (extra.thread === undefined || extra.project !== DEFAULT_PROJECT)) continue
      const position = partition.highestPosition() + 1
      partition.add(KIND.thread, { id: thread.id, parent: '', position, version: 1, json: '{}' })
      partition.saveHighestPosition(position)
    }
    return partition
  }
}
