import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'

const SUFFIX = '.snapshot-'
/** Shares the blocks where the file system can. The copy has the original's rights. */
const COPY = 'const { copyFileSync, constants: { COPYFILE_EXCL, COPYFILE_FICLONE } } = require("node:fs"); copyFileSync(process.argv[1], process.argv[2], COPYFILE_EXCL | COPYFILE_FICLONE)'

/**
 * Copies a database file to a path beside it, which it resolves to. In a process of its own: closing any descriptor of the file in this
 * one would give up SQLite's locks on it.
 */
export async function copyDatabase (path: string): Promise<string> {
  const copy = `${path}${SUFFIX}${randomBytes(8).toString('hex')}`
  try {
    await promisify(execFile)(process.execPath, ['-e', COPY, path, copy], { env: {} })
  } catch (error) {
    rmSync(copy, { force: true })
    throw error
  }
  return copy
}

/** Opens a file for reading that nothing else is to see: it is gone from its folder, and from the disk once it is closed. */
export async function readOnce (path: string): Promise<Readable> {
  try {
    return (await open(path)).createReadStream()
  } finally {
    rmSync(path, { force: true })
  }
}

/** Removes the copies that a process left behind when it died. */
export function removeCopies (path: string): void {
  const prefix = `${basename(path)}${SUFFIX}`
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(prefix)) rmSync(join(dirname(path), name), { force: true })
  }
}
