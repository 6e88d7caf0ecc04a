import type { Assistant } from '../../schemas/assistants.js'
import type { Message } from '../../schemas/messages.js'
import type { Thread } from '../../schemas/threads.js'
import { rememberPlace } from '../deleted-places.js'
import { eachRecord } from '../each-record.js'
import { DEFAULT_PROJECT, KIND, PARTITION } from '../layout.js'
import type { PartitionKey, RecordStore, StoredRecord, WriteItem } from '../record-store.js'
import type { StoredAssistant, StoredFile, StoredThread, ThreadStorage } from './thread-storage.js'
import { wireAssistant, wireThread } from './wire.js'

/** A file with its bytes: a record of its own kind, for the API's files have theirs in a blob store. */
interface FileBody {
  id: string
  filename: string
  created_at: number
  /** Base64. */
  content: string
}

const project = DEFAULT_PROJECT
const ASSISTANTS = { project, partition: PARTITION.assistants, kind: KIND.assistant }
const FILES = { project, partition: PARTITION.files, kind: KIND.storedFile }
const THREAD_INDEX = { project, partition: PARTITION.threads, kind: KIND.thread }

/** Threads are named by their partition, so these names are taken. */
const RESERVED = new Set<string>(Object.values(PARTITION))

/**
 * The twelve documented methods over records: they read and write what the API reads and writes in the project
 * `default`, but for files, which are kept beside those of the API. Runs are no part of a thread's document; saving it leaves them alone, deleting it deletes them.
 */
export abstract class RecordThreadStorage implements ThreadStorage {
  /** The store underneath, which serves the API itself. */
  readonly records: RecordStore

  constructor (records: RecordStore) {
    this.records = records
  }

  /** Opens the store. Throws `StorageUnavailableError` when it cannot be reached. */
  connect (): Promise<void> {
    return this.records.connect()
  }

  disconnect (): Promise<void> {
    return this.records.disconnect()
  }

  /**
   * Makes the stored thread equal to this one. Of the messages only those that differ are written, in one batch when
   * they were added, changed or removed; changing their order takes two.
   */
  async saveThread (id: string, { thread, messages }: StoredThread): Promise<void> {
    if (RESERVED.has(id)) throw new TypeError(`A thread cannot be called ${id}.`)
    const stored: StoredRecord<Message>[] = []
    for await (const message of eachRecord<Message>(this.records, messagesOf(id))) stored.push(message)

    const wanted = new Set(messages.map(message => message.id))
    const kept = stored.filter(message => wanted.has(message.id))
    // Records keep the order of their insertion: those from where the order differs have to be inserted anew.
    const firstMoved = kept.findIndex((message, index) => message.id !== messages[index]?.id)
    const unmoved = firstMoved === -1 ? kept : kept.slice(0, firstMoved)
    const moved = new Set(kept.slice(unmoved.length))

    const partition: PartitionKey = { project, partition: id }
    const remove: WriteItem[] = stored
      .filter(message => moved.has(message) || !wanted.has(message.id))
      .map(message => ({ op: 'delete', kind: KIND.message, id: message.id }))
    const put: WriteItem[] = [{ op: 'put', kind: KIND.thread, id, body: wireThread(id, thread) }]
    for (const [index, message] of messages.entries()) {
      const there = unmoved[index]
      if (there === undefined || JSON.stringify(there.body) !== JSON.stringify(message)) put.push({ op: 'put', kind: KIND.message, id: message.id, body: message })
    }
    await this.records.write(THREAD_INDEX, [{ op: 'put', kind: KIND.thread, id, body: {} }])
    if (moved.size > 0) {
      await this.records.write(partition, remove)
      await this.records.write(partition, put)
    } else {
      await this.records.write(partition, [...put, ...remove])
    }
  }

  async loadThread (id: string): Promise<StoredThread | null> {
    const found = await this.records.get<Thread>({ project, partition: id, kind: KIND.thread, id })
    if (found === undefined || RESERVED.has(id)) return null
    const messages: Message[] = []
    for await (const { body } of eachRecord<Message>(this.records, messagesOf(id))) messages.push(body)
    return { thread: found.body, messages }
  }

  async deleteThread (id: string): Promise<boolean> {
    if (RESERVED.has(id)) return false
    for (;;) {
      const found = await this.records.get({ project, partition: id, kind: KIND.thread, id })
      if (found === undefined) return false
      // Of two concurrent deletions, one reports that it existed.
      const done = await this.records.write({ project, partition: id }, [
        { op: 'check', kind: KIND.thread, id, expect: found.version },
        { op: 'clear' }
      ])
      if (!done) continue
      await this.records.write(THREAD_INDEX, [{ op: 'delete', kind: KIND.thread, id }])
      return true
    }
  }

  async listThreads (): Promise<StoredThread[]> {
    const threads: StoredThread[] = []
    for await (const { id } of eachRecord(this.records, THREAD_INDEX)) {
      const thread = await this.loadThread(id)
      // An entry may be there before its thread is, or after.
      if (thread !== null) threads.push(thread)
    }
    return threads
  }

  async saveAssistant (id: string, assistant: StoredAssistant): Promise<void> {
    await this.records.write(ASSISTANTS, [{ op: 'put', kind: KIND.assistant, id, body: wireAssistant(id, assistant) }])
  }

  async loadAssistant (id: string): Promise<StoredAssistant | null> {
    return (await this.records.get<Assistant>({ ...ASSISTANTS, id }))?.body ?? null
  }

  deleteAssistant (id: string): Promise<boolean> {
    return this.#delete(ASSISTANTS, id)
  }

  async listAssistants (): Promise<StoredAssistant[]> {
    const assistants: StoredAssistant[] = []
    for await (const { body } of eachRecord<Assistant>(this.records, ASSISTANTS)) assistants.push(body)
    return assistants
  }

  async saveFile (id: string, file: StoredFile): Promise<void> {
    const body: FileBody = { ...file, id, content: file.content.toString('base64') }
    await this.records.write(FILES, [{ op: 'put', kind: FILES.kind, id, body }])
  }

  async loadFile (id: string): Promise<StoredFile | null> {
    const found = await this.records.get<FileBody>({ ...FILES, id })
    return found === undefined ? null : storedFile(found.body)
  }

  deleteFile (id: string): Promise<boolean> {
    return this.#delete(FILES, id)
  }

  async listFiles (): Promise<StoredFile[]> {
    const files: StoredFile[] = []
    for await (const { body } of eachRecord<FileBody>(this.records, FILES)) files.push(storedFile(body))
    return files
  }

  async #delete (collection: PartitionKey & { kind: string }, id: string): Promise<boolean> {
    for (;;) {
      const found = await this.records.get({ ...collection, id })
      if (found === undefined) return false
      const items: WriteItem[] = [{ op: 'delete', kind: collection.kind, id, expect: found.version }, ...await rememberPlace(this.records, found)]
      if (await this.records.write(collection, items)) return true
    }
  }
}

const messagesOf = (threadId: string) => ({ project, partition: threadId, kind: KIND.message })

const storedFile = ({ content, ...file }: FileBody): StoredFile => ({ ...file, content: Buffer.from(content, 'base64') })
