import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileWords, isOfFile } from '../../storage/base/file-words.js'

const READS = new Set(['read', 'scandir', 'stat', 'lstat', 'access'])
const WRITES = new Set(['write', 'writev', 'pwrite', 'fsync', 'ftruncate', 'mkdir', 'rename', 'unlink'])

/**
 * One sentence for the operator about a file that the system refused. Undefined when the error is of another kind, or of something besides
 * files.
 *
 * @param written the file that was to be written, where the error may name one that is to take its place
 */
export function fileTrouble (error: unknown, written?: string): string | undefined {
  if (!isOfFile(error)) return undefined
  const { syscall } = error
  const path = written ?? error.path
  const words = fileWords(error, missing(path))
  if (words === undefined) return undefined
  const done = written !== undefined || WRITES.has(syscall) ? 'written' : READS.has(syscall) ? 'read' : 'opened'
  return `${path !== undefined ? `The file ${path}` : done === 'read' ? 'The file' : 'The output'} cannot be ${done}: ${words}.`
}

/** Of a file that is to be written, what is missing is its folder. */
const missing = (path: string | undefined): string => path === undefined || existsSync(dirname(path)) ? 'it does not exist' : `its folder ${dirname(path)} does not exist`
