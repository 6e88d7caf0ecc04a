/** What the codes of the system mean for a file; ENOENT depends on what was to be done. */
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

/** Whether the system has refused something, and it was about a file. */
export function isOfFile (error: unknown): error is NodeJS.ErrnoException & { code: string, syscall: string } {
  if (!(error instanceof Error)) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  return code !== undefined && syscall !== undefined && !ELSEWHERE.has(syscall)
}

/**
 * What the system's refusal of a file means, as the end of a sentence without its full stop. Undefined for an error of another kind.
 *
 * @param missing what is said of one that is not there.
 */
export function fileWords (error: unknown, missing?: string): string | undefined {
  if (!isOfFile(error)) return undefined
  return error.code === 'ENOENT' ? missing : WORDS[error.code]
}

/** Why a file cannot be read: `fileWords`, else the first line of what the error says. */
export function whyUnreadable (error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return fileWords(error, 'it does not exist') ?? line.replace(/\.$/, '')
}
