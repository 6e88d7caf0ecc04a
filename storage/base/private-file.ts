import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** Only the user that the process runs as may read what is in it. */
export const PRIVATE_FOLDER = 0o700
export const PRIVATE_FILE = 0o600

/**
 * Makes a file, and the folder it is in, that only the process's own user may read, unless they are there: SQLite would make it with the
 * rights that the system gives by default, and its companions (`-wal`, `-shm`) get those of the database.
 */
export function makePrivateFile (path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_FOLDER })
  closeSync(openSync(path, 'a', PRIVATE_FILE))
}
