import type { Readable } from 'node:stream'
import type { FileObject } from '../../../schemas/files.js'
import type { Thread } from '../../../schemas/threads.js'
import { KIND } from '../../../storage/layout.js'
import type { RecordStore } from '../../../storage/record-store.js'
import type { NewFile } from '../../files/files.js'
import { SandboxError, type SandboxFile, type SandboxSession } from '../../sandbox/sandbox.js'
import { ApiError } from '../../shared/errors.js'
import { untilWritten } from '../../shared/until-written.js'
import type { Place } from './sessions.js'

/** What is needed of one project's files. */
export interface CodeFiles {
  find (id: string): Promise<FileObject | undefined>
  open (id: string): Promise<Readable>
  create (file: NewFile, bytes: AsyncIterable<Uint8Array>): Promise<FileObject>
}

/** What is remembered of a thread's code: where it last ran, and which files it has written, by path below `/mnt/data`. */
export interface CodeState {
  session: string
  files: Record<string, string>
}

const CODE = 'code'
/** Of files that a thread's code has written, the newest are remembered. */
const MAX_REMEMBERED = 200

/** `/mnt/data` of one thread's session: files go in before a call and come out behind it. */
export class Workspace {
  readonly #files: CodeFiles
  readonly #place: Place
  readonly #session: SandboxSession

  constructor (files: CodeFiles, place: Place, session: SandboxSession) {
    this.#files = files
    this.#place = place
    this.#session = session
  }

  /**
   * Puts files where they are not yet. Returns sentences about those that could not be put there.
   *
   * @param written files that the thread's code has written before, by path: only for a new session.
   */
  async stage (ids: readonly string[], written: Readonly<Record<string, string>>): Promise<string[]> {
    const problems: string[] = []
    for (const [path, id] of Object.entries(written)) problems.push(...await this.#put(path, id))
    const present = new Set(this.#place.staged.values())
    for (const id of ids) {
      if (present.has(id)) continue
      const name = (await this.#files.find(id))?.filename
      if (name === undefined) continue
      const path = this.#place.staged.has(name) ? `${id}-${name}` : name
      problems.push(...await this.#put(path, id))
    }
    return problems
  }

  async #put (path: string, id: string): Promise<string[]> {
    const file = await this.#files.find(id)
    // Deleted since.
    if (file === undefined) return []
    try {
      await this.#session.put(path, await this.#files.open(id))
      this.#place.staged.set(path, id)
      return []
    } catch (error) {
      // What does not fit once is not tried again with every call.
      this.#place.staged.set(path, id)
      if (this.#session.hasEnded || !(error instanceof SandboxError || error instanceof ApiError)) throw error
      return [`The file ${path} could not be put into /mnt/data: ${error.message}.`]
    }
  }

  /** Makes files of what a call has written, up to a number of them. */
  async save (written: readonly SandboxFile[], max: number): Promise<{ files: Record<string, string>, problems: string[] }> {
    const files: Record<string, string> = {}
    const problems: string[] = []
    for (const { path, bytes } of written.slice(0, max)) {
      try {
        const file = await this.#files.create({ filename: path, purpose: 'assistants_output' }, this.#session.get(path, bytes))
        files[path] = file.id
        this.#place.staged.set(path, file.id)
      } catch (error) {
        if (!(error instanceof SandboxError || error instanceof ApiError)) throw error
        problems.push(`The file ${path} could not be saved: ${error.message}`)
      }
    }
    if (written.length > max) problems.push(`${written.length - max} more files were written, but only ${max} of one call are saved.`)
    return { files, problems }
  }
}

/** What is remembered of a thread's code; nothing when it has never run. */
export async function loadState (records: RecordStore, project: string, threadId: string): Promise<CodeState | undefined> {
  return (await records.get<CodeState>({ project, partition: threadId, kind: KIND.code, id: CODE }))?.body
}

/** Remembers it, unless the thread was deleted meanwhile. */
export async function saveState (records: RecordStore, project: string, threadId: string, state: CodeState): Promise<void> {
  const body: CodeState = { ...state, files: Object.fromEntries(Object.entries(state.files).slice(-MAX_REMEMBERED)) }
  await untilWritten(async () => {
    const thread = await records.get<Thread>({ project, partition: threadId, kind: KIND.thread, id: threadId })
    if (thread === undefined) return true
    return await records.write({ project, partition: threadId }, [
      { op: 'check', kind: KIND.thread, id: threadId, expect: thread.version },
      { op: 'put', kind: KIND.code, id: CODE, body }
    ]) || undefined
  })
}
