import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AbstractRecordStore, applyBatch, FolderBlobStore, StorageUnavailableError,
  type BatchTarget, type BlobStore, type PartitionKey, type PreparedItem, type PreparedPut, type RecordKey, type Row, type Scan
} from 'fastify-openai-compat'

interface Entry extends Row { kind: string }

/** The records of one partition, in memory. */
class Partition implements BatchTarget {
  entries = new Map<string, Entry>()
  highest = 0

  static parse (json: string): Partition {
    const partition = new Partition()
    const { highest, entries } = JSON.parse(json) as { highest: number, entries: Entry[] }
    partition.highest = highest
    for (const entry of entries) partition.entries.set(nameOf(entry.kind, entry.id), entry)
    return partition
  }

  toJSON (): object {
    return { highest: this.highest, entries: [...this.entries.values()] }
  }

  version (kind: string, id: string): number { return this.entries.get(nameOf(kind, id))?.version ?? 0 }
  highestPosition (): number { return this.highest }
  saveHighestPosition (position: number): void { this.highest = position }
  remove (kind: string, id: string): void { this.entries.delete(nameOf(kind, id)) }

  insert ({ kind, id, parent, json }: PreparedPut, position: number): void {
    this.entries.set(nameOf(kind, id), { kind, id, parent, json, position, version: 1 })
  }

  replace ({ kind, id, json }: PreparedPut): void {
    const old = this.entries.get(nameOf(kind, id))
    if (old !== undefined) this.entries.set(nameOf(kind, id), { ...old, json, version: old.version + 1 })
  }

  clear (): void {
    this.entries.clear()
    this.highest = 0
  }
}

/** Keeps each partition as one JSON file, and what it has read in memory. One process at a time may use the folder. */
export class JsonFolderStore extends AbstractRecordStore {
  readonly supports = { shared: false, persistent: true }
  readonly #folder: string
  readonly #partitions = new Map<string, Partition>()
  /** The last write to each file. Writes to one partition follow each other. */
  readonly #writes = new Map<string, Promise<unknown>>()

  constructor (folder: string) {
    super()
    this.#folder = folder
  }

  /** Where the bytes of files go, unless option `blobs` names another place. */
  blobs (): BlobStore {
    return new FolderBlobStore({ path: join(this.#folder, 'blobs') })
  }

  protected async open (): Promise<void> {
    await guarded(mkdir(this.#folder, { recursive: true }))
  }

  protected close (): void {
    this.#partitions.clear()
    this.#writes.clear()
  }

  protected async read ({ kind, id, ...key }: RecordKey): Promise<Row | undefined> {
    return (await this.#load(this.#fileOf(key))).entries.get(nameOf(kind, id))
  }

  protected async scan ({ kind, parent, above, below, descending, limit, ...key }: Scan): Promise<Row[]> {
    const sign = descending ? -1 : 1
    return [...(await this.#load(this.#fileOf(key))).entries.values()]
      .filter(entry => entry.kind === kind && entry.parent === parent && entry.position > above && entry.position < below)
      .sort((a, b) => sign * (a.position - b.position))
      .slice(0, limit)
  }

  protected commit (key: PartitionKey, batch: PreparedItem[]): Promise<boolean> {
    const file = this.#fileOf(key)
    const write = (this.#writes.get(file) ?? Promise.resolve()).then(async () => {
      // On a copy: should saving fail, nothing has changed.
      const next = Partition.parse(JSON.stringify(await this.#load(file)))
      if (!applyBatch(next, batch)) return false
      await guarded(replaceFile(file, JSON.stringify(next), this.#folder))
      this.#partitions.set(file, next)
      return true
    })
    this.#writes.set(file, write.catch(() => {}))
    return write
  }

  async #load (file: string): Promise<Partition> {
    const json = this.#partitions.has(file) ? undefined : await guarded(readFile(file, 'utf8').catch(ifMissing))
    // A write may have been faster than the disk.
    const partition = this.#partitions.get(file) ?? (json === undefined ? new Partition() : Partition.parse(json))
    this.#partitions.set(file, partition)
    return partition
  }

  #fileOf ({ project, partition }: PartitionKey): string {
    return join(this.#folder, `${createHash('sha256').update(nameOf(project, partition)).digest('hex')}.json`)
  }
}

/** No part of a key has a U+0000, so two names never become one. */
const nameOf = (...parts: string[]): string => parts.join('\0')

/** All of the new content or all of the old, and on the disk when it resolves. */
async function replaceFile (path: string, content: string, folder: string): Promise<void> {
  const unfinished = join(folder, `${randomUUID()}.tmp`)
  const file = await open(unfinished, 'wx')
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function guarded<T> (work: Promise<T>): Promise<T> {
  return await work.catch((cause: Error) => { throw new StorageUnavailableError(`The folder failed: ${cause.message}`, { cause }) })
}

function ifMissing (error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
