import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'openai-compat-index-'
/** A process with the number may live on another machine, or in another container, that has the folder too: its index is in use, and not old. */
const OLD_MS = 60 * 60 * 1000

/** A folder for this process's search index that only its user may read. What processes that died have left is removed. */
export function makeTemporaryFolder (root = tmpdir()): string {
  for (const name of readdirSync(root)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? []
    if (pid !== undefined && isDead(Number(pid)) && isOld(join(root, name))) removeFolder(join(root, name))
  }
  return mkdtempSync(join(root, `${PREFIX}${process.pid}-`))
}

/** Whether it succeeds or not: what is left is removed by the next process. */
export function removeFolder (path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {}
}

function isDead (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function isOld (path: string): boolean {
  try {
    const newest = Math.max(statSync(path).mtimeMs, ...readdirSync(path).map(name => statSync(join(path, name)).mtimeMs))
    return newest < Date.now() - OLD_MS
  } catch {
    return false
  }
}
