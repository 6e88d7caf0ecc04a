import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Only the user that the process runs as may read what is in it. */
export const PRIVATE_FOLDER = 0o700
export const PRIVATE_FILE = 0o600

/**
 * Makes a file, and the folder it is in, that only the process's own user may read, unless they are there: SQLite would make it with the
 * rights that the system gives by default, and its companions (`-wal`, `-shm`) get those of the database.
 */
export function makePrivateFile (path: string): void {
  makePrivateFolder(dirname(path))
  closeSync(openSync(path, 'a', PRIVATE_FILE))
}

/**
 * Makes a folder, and those that it is in, unless they are there. Not with `recursive`: where the system does not let a folder be made in
 * one that is there, as in `/proc`, Node goes on trying for ever. Returns whether it was made.
 */
export function makePrivateFolder (path: string): boolean {
  try {
    mkdirSync(path, { mode: PRIVATE_FOLDER })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      if (statSync(path).isDirectory()) return false
      throw Object.assign(error as Error, { code: 'ENOTDIR' })
    }
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error
  }
  makePrivateFolder(dirname(path))
  return makePrivateFolder(path)
}
