import { type BlobSource, type BlobStore, LEFTOVERS_MS } from '../../storage/blob-store.js'
import type { WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { isUncertain } from '../shared/certain-store.js'
import { ApiError } from '../shared/errors.js'
import type { Scope } from '../shared/scope.js'
import { removeTask, registerFileProject, filesPartition, PROCESS_ID, scheduleTask, claimTask } from '../schedule/scheduled-tasks.js'

/** How long a project counts as added, in milliseconds. */
const REGISTER_AGAIN_MS = 10_000

interface StagingBounds {
  /** Default: no bound. */
  maxBytes?: number
  /** Makes the error. Default: the 413. */
  exceeded? (maxBytes: number): ApiError
}

/**
 * Stores bytes before a record owns them, and removes them when none ever does. The process may die between any two of its steps:
 * a scheduled task then removes what is left.
 */
export class Staging {
  readonly #scope: Scope
  readonly #blobs: BlobStore
  #registered: { at: number, done: Promise<void> } | undefined

  constructor (scope: Scope, blobs: BlobStore) {
    this.#scope = scope
    this.#blobs = blobs
  }

  /**
   * Stores bytes under this new id and returns their number. They are removed within a day unless `claim(id)` is part of the write
   * that gives them an owner. Throws a 413, or what `exceeded` makes, as soon as there are more than `maxBytes`.
   */
  async put (id: string, source: BlobSource, { maxBytes = Infinity, exceeded = tooLarge }: StagingBounds = {}): Promise<number> {
    const { records, clock, project } = this.#scope
    await this.registerProject()
    const at = unixSeconds(clock) + LEFTOVERS_MS / 1000
    // `claim` takes the task's first version, so a repetition of a write that was carried out must not make a second.
    await records.write(filesPartition(project), [{ ...scheduleTask({ task: 'bytes', id, at, by: PROCESS_ID }), expect: 'absent' }])
    try {
      return await this.#blobs.put({ project, id }, source, {
        check (bytes) { if (bytes > maxBytes) throw exceeded(maxBytes) }
      })
    } catch (error) {
      await this.discardAfter(error, id)
      throw error
    }
  }

  /** For the write that gives the bytes an owner. That write fails when they have been removed. */
  claim (id: string): WriteItem {
    return claimTask('bytes', id)
  }

  /** Removes bytes that got no owner. Never rejects: when it fails, the scheduled task removes them. */
  async discard (id: string): Promise<void> {
    try {
      await this.remove(id)
      await this.#scope.records.write(filesPartition(this.#scope.project), [removeTask('bytes', id)])
    } catch {
      // The task stays scheduled.
    }
  }

  /**
   * As `discard`, for bytes whose owner could not be written. They stay when that write may have been carried out: then either they have their
   * owner, or the scheduled task removes them.
   */
  async discardAfter (error: unknown, id: string): Promise<void> {
    if (!isUncertain(error)) await this.discard(id)
  }

  /** Removes the bytes, whether they have an owner or not. */
  async remove (id: string): Promise<void> {
    await this.#blobs.delete({ project: this.#scope.project, id })
  }

  /** Adds the project to those that the sweeper visits, and again from time to time: the store may have lost it since. */
  async registerProject (): Promise<void> {
    const { records, project, clock } = this.#scope
    const now = clock.now()
    if (this.#registered === undefined || now - this.#registered.at > REGISTER_AGAIN_MS) this.#registered = { at: now, done: registerFileProject(records, project) }
    try {
      await this.#registered.done
    } catch (error) {
      this.#registered = undefined
      throw error
    }
  }
}

function tooLarge (maxBytes: number): ApiError {
  return new ApiError(413, `The file is larger than this server accepts: at most ${maxBytes} bytes.`, { param: 'file', code: 'file_too_large' })
}
