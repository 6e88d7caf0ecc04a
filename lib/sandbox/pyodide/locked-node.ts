import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What tests take away to see that it matters. */
export type PyodideWall = 'permission' | 'no-eval' | 'lock-down' | 'bridge'

export interface LockedProgram {
  /** The path of the program. */
  program: string
  /** Folders that it may read, and everything in them. */
  readable: readonly string[]
  without?: ReadonlySet<PyodideWall>
}

/**
 * How Node is started so that a program can do little: the arguments up to and with the program, and whether a process of root can become
 * another user for it.
 */
export function lockedNode ({ program, readable, without = new Set() }: LockedProgram): { command: string[], canDrop: boolean } {
  const permission = Number(process.versions.node.split('.')[0]) >= 24 ? '--permission' : '--experimental-permission'
  const command = [
    ...without.has('permission') ? [] : [permission, ...readable.map(folder => `--allow-fs-read=${join(folder, '/')}`), ...packagesOf(dirname(program)).map(path => `--allow-fs-read=${path}`)],
    ...without.has('no-eval') ? [] : ['--disallow-code-generation-from-strings'],
    '--no-addons', '--no-warnings', '--disable-proto=delete', '--max-old-space-size=512', '--no-deprecation',
    program
  ]
  return { command, canDrop: process.getuid?.() === 0 && [...readable, process.execPath].every(isOpenToAll) }
}

/** The nearest package.json of a module, where Node looks for its type; none when there is none. */
export function packagesOf (folder: string): string[] {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, 'package.json')
    if (existsSync(path)) return [path]
    if (dirname(at) === at) return []
  }
}

/** Whether any user can come there and read it. */
export function isOpenToAll (path: string): boolean {
  for (let at = path; dirname(at) !== at; at = dirname(at)) if ((statSync(at).mode & 0o005) !== 0o005) return false
  return true
}
