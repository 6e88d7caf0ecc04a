import type { FileObject } from '../../schemas/files.js'
import { KIND } from '../../storage/layout.js'
import type { StoredRecord } from '../../storage/record-store.js'
import { unixSeconds } from '../shared/clock.js'
import { mapInBatches } from '../shared/batches.js'
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
  const found = new Set((await mapInBatches([...new Set(ids)], async id => await findFile(scope, id))).flatMap(record => record?.id ?? []))
  return ids.filter(id => found.has(id))
}

/** Ids that an error names. */
const MOST_NAMED = 20

/** The files with these ids, each once. Throws a 404 that lists ids without a file. */
export async function requireFiles (scope: Scope, ids: readonly string[], param: string | null = null): Promise<FileObject[]> {
  const distinct = [...new Set(ids)]
  let misses = 0
  const found = await mapInBatches(distinct, async id => {
    // Enough to say: what else is missing is not looked for.
    const record = misses > MOST_NAMED ? undefined : await findFile(scope, id)
    if (record === undefined) misses++
    return record?.body
  })
  if (misses > 0) {
    const missing = distinct.filter((_id, i) => found[i] === undefined)
    const named = missing.slice(0, MOST_NAMED).join(', ')
    throw new ApiError(404, `Files [${missing.length > MOST_NAMED ? `${named}, ...` : named}] were not found`, { param })
  }
  return found.flatMap(file => file ?? [])
}
