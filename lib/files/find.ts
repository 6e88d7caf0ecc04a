import type { FileObject } from '../../schemas/files.js'
import { KIND } from '../../storage/layout.js'
import type { StoredRecord } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { ApiError } from '../shared/errors.js'
import type { Scope } from '../shared/scope.js'
import { filesPartition } from '../schedule/scheduled-tasks.js'

type FileScope = Pick<Scope, 'records' | 'clock' | 'project'>

export function hasExpired (scope: Pick<Scope, 'clock'>, file: FileObject): boolean {
  return file.expires_at !== null && file.expires_at <= unixSeconds(scope.clock)
}

/** A file's record. Undefined when the file does not exist, belongs to another project or has expired. */
export async function findFile (scope: FileScope, id: string): Promise<StoredRecord<FileObject> | undefined> {
  const record = await scope.records.get<FileObject>({ ...filesPartition(scope.project), kind: KIND.file, id })
  return record === undefined || hasExpired(scope, record.body) ? undefined : record
}

/** The ids that name an existing file, in the given order. */
export async function existingFiles (scope: Scope, ids: readonly string[]): Promise<string[]> {
  const found = await Promise.all(ids.map(async id => await findFile(scope, id)))
  return ids.filter((_, i) => found[i] !== undefined)
}

/** The files with these ids. Throws a 404 that lists the ids without a file. */
export async function requireFiles (scope: Scope, ids: readonly string[], param: string | null = null): Promise<FileObject[]> {
  const found = await Promise.all(ids.map(async id => await findFile(scope, id)))
  const missing = ids.filter((_, i) => found[i] === undefined)
  if (missing.length > 0) throw new ApiError(404, `Files [${missing.join(', ')}] were not found`, { param })
  return found.flatMap(record => record === undefined ? [] : [record.body])
}
