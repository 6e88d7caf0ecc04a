import { type BlobSource, type BlobStore, LEFTOVERS_MS } from '../../storage/blob-store.js'
import type { WriteItem } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { ApiError } from '../shared/errors.js'
import type { Scope } from '../shared/scope.js'
import { endDue, enterFileProject, filesOf, INSTANCE, putDue, withdrawDue } from '../schedule/scheduled-tasks.js'

/**
 * Brings bytes in before anything is known to own them, and takes them out again. Each of its steps may be the last one
 * of the process: what is then left is on the list of what is due, and the sweep finds it.
 */
export class Spool {
  readonly #scope: Scope
  readonly #blobs: BlobStore
  #indexed: Promise<void> | undefined

  constructor (scope: Scope, blobs: BlobStore) {
    this.#scope = scope
    this.#blobs = blobs
  }

  /**
   * Keeps bytes under this new id. They are removed again, within a day at the latest, unless `adoption(id)` becomes
   * part of the write that gives them an owner. Throws a 413 as soon as there are more than `maxBytes`.
   */
  async put (id: string, source: BlobSource, maxBytes = Infinity): Promise<number> {
    const { records, clock, project } = this.#scope
    await this.index()
    const at = unixSeconds(clock) + LEFTOVERS_MS / 1000
    await records.write(filesOf(project), [putDue({ task: 'bytes', id, at, by: INSTANCE })])
    try {
      return await this.#blobs.put({ project, id }, source, {
        check (bytes) { if (bytes > maxBytes) throw tooLarge(maxBytes) }
      })
    } catch (error) {
      await this.discard(id)
      throw error
    }
  }

  adoption (id: string): WriteItem {
    return withdrawDue('bytes', id)
  }

  /** Removes bytes that got no owner. Never rejects: what fails here is done by the sweep. */
  async discard (id: string): Promise<void> {
    try {
      await this.remove(id)
      await this.#scope.records.write(filesOf(this.#scope.project), [endDue('bytes', id)])
    } catch {
      // The entry stays on the list.
    }
  }

  async remove (id: string): Promise<void> {
    await this.#blobs.delete({ project: this.#scope.project, id })
  }

  /** Makes the project known to the sweep, before it has anything that could be swept. */
  async index (): Promise<void> {
    const { records, project } = this.#scope
    this.#indexed ??= enterFileProject(records, project)
    try {
      await this.#indexed
    } catch (error) {
      this.#indexed = undefined
      throw error
    }
  }
}

function tooLarge (maxBytes: number): ApiError {
  return new ApiError(413, `The file is larger than this server accepts: at most ${maxBytes} bytes.`, { param: 'file', code: 'file_too_large' })
}
