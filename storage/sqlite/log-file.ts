import { closeSync, fdatasync, fdatasyncSync, openSync, realpathSync } from 'node:fs'
import { promisify } from 'node:util'
import type { MaybePromise } from '../base/abstract-store.js'
import { StorageUnavailableError, type PartitionKey } from '../record-store.js'

/** Brings what was written to an open file to the disk. */
export type Sync = (file: number) => MaybePromise<void>

/** What a disk that is as quick is waited for, in milliseconds: to hand a file to a thread and to hear of it takes a good part of it. */
const QUICK_MS = 0.25

const inThread = promisify(fdatasync)

/**
 * A disk that answered at once the last time is waited for. Else a thread waits, and the event loop goes on.
 *
 * @param disk the system's calls, and milliseconds. For tests.
 */
export function syncer (disk = { inPlace: fdatasyncSync, inThread, now: () => performance.now() }): Sync {
  let tookMs = 0
  return file => {
    const from = disk.now()
    if (tookMs > QUICK_MS) return disk.inThread(file).finally(() => { tookMs = disk.now() - from })
    disk.inPlace(file)
    tookMs = disk.now() - from
    return undefined
  }
}

/**
 * SQLite's log, as the file that has to reach the disk. What is on its way is known by its partition. SQLite has its locks on the database
 * file, so this one may be opened and closed.
 */
export class LogFile {
  readonly #database: string
  readonly #file: number
  readonly #sync: Sync
  /** Of what is on its way. */
  #partitions: ReadonlySet<string> = new Set()
  /** Never rejects. */
  #syncing: Promise<void> = Promise.resolve()
  #failure: StorageUnavailableError | undefined

  /** @param database the file whose log it is. */
  constructor (database: string, sync: Sync) {
    this.#database = database
    // SQLite names its log after what a link points at. Windows takes a flush from those alone who may write.
    this.#file = openSync(`${realpathSync(database)}-wal`, 'r+')
    this.#sync = sync
  }

  /** Resolves when all that was written is on the disk. Throws when it may not be, now and ever after. Not while another is under way. */
  async sync (changed: readonly PartitionKey[]): Promise<void> {
    this.#partitions = new Set(changed.map(nameOf))
    this.#syncing = this.#begin()
    await this.#syncing
    this.requireSound()
  }

  async #begin (): Promise<void> {
    try {
      await this.#sync(this.#file)
    } catch (cause) {
      this.#failure = new StorageUnavailableError(`The disk failed under the SQLite file ${this.#database}: ${(cause as Error).message}. Look after the disk, then restart the server.`, { cause })
    }
    this.#partitions = new Set()
  }

  /**
   * Throws when the system could not bring the log to the disk: it may have given up what it was to write, and will not say so again. What
   * SQLite would read back from now on may be gone after the next crash. When it opens the file anew, it checks all of the log.
   */
  requireSound (): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** What to wait for before a partition is read, which never rejects. Undefined when all of it is on the disk. */
  unsafe (partition: PartitionKey): Promise<void> | undefined {
    return this.#partitions.size > 0 && this.#partitions.has(nameOf(partition)) ? this.#syncing : undefined
  }

  close (): void {
    closeSync(this.#file)
  }
}

/** No part of a key holds a NUL. */
const nameOf = ({ project, partition }: PartitionKey): string => `${project}\0${partition}`
