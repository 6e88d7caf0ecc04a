import { existsSync } from 'node:fs'
import { dirname } from 'node:path'

/** What the codes of the system mean for a file; ENOENT has words of its own. */
const WORDS: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it is there already',
  EACCES: 'its permissions do not allow it',
  EPERM: 'the system does not permit it',
  EROFS: 'its disk takes no writes',
  ENOSPC: 'its disk is full',
  EDQUOT: 'the user may not take more of its disk',
  EFBIG: 'it would be larger than a file may be',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its links lead back to themselves',
  EIO: 'its disk has an error'
}

/** Of sockets, names of hosts and programs, not of files. */
const ELSEWHERE = new Set(['connect', 'listen', 'bind', 'accept', 'getaddrinfo', 'spawn', 'kill'])
const READS = new Set(['read', 'scandir', 'stat', 'lstat', 'access'])
const WRITES = new Set(['write', 'writev', 'pwrite', 'fsync', 'ftruncate', 'mkdir', 'rename', 'unlink'])

/**
 * One sentence for the operator about a file that the system refused. Undefined when the error is of another kind, or of something besides
 * files.
 *
 * @param written the file that was to be written, where the error may name one that is to take its place
 */
export function fileTrouble (error: unknown, written?: string): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, syscall, path: named } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined || ELSEWHERE.has(syscall)) return undefined
  const path = written ?? named
  const words = code === 'ENOENT' ? missing(path) : WORDS[code]
  if (words === undefined) return undefined
  const done = written !== undefined || WRITES.has(syscall) ? 'written' : READS.has(syscall) ? 'read' : 'opened'
  return `${path !== undefined ? `The file ${path}` : done === 'read' ? 'The file' : 'The output'} cannot be ${done}: ${words}.`
}

/** Of a file that is to be written, what is missing is its folder. */
const missing = (path: string | undefined): string => path === undefined || existsSync(dirname(path)) ? 'it does not exist' : `its folder ${dirname(path)} does not exist`
