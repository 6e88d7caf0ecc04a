import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { devNull } from 'node:os'

/** What a start takes for a moment beside the two ends of each pipe: Node's own pipes to the new process, and for signals. */
const OWN_DESCRIPTORS = 4

/** How a process is started: what each of its descriptors is. */
export interface ChildOptions extends SpawnOptions {
  stdio: ('ignore' | 'pipe' | number)[]
}

export interface StartedChild {
  child: ChildProcess
  /** By the number of the descriptor in the child; null where it is no pipe. */
  pipes: readonly (Socket | null)[]
}

/**
 * Starts a process. Throws an error with the code `EMFILE` or `ENFILE` where as many files are open as may be: Node emits that one without
 * having made pipes, so that what reads them is in the way of who would hear of it, and leaves some of their ends open for good. Any other
 * failure is emitted by the child, as ever.
 *
 * @param what is started, for the message of the error.
 */
export function startChild (what: string, command: string, args: readonly string[], options: ChildOptions): StartedChild {
  const failure = lackOf(2 * options.stdio.filter(each => each === 'pipe').length + OWN_DESCRIPTORS)
  if (failure !== undefined) throw tooManyOpen(what, failure)
  const child = spawn(command, args, options)
  const pipes = child.stdio as unknown as readonly (Socket | null)[] | undefined
  if (pipes !== undefined) return { child, pipes }
  // Others of this system were faster.
  child.on('error', () => {})
  throw tooManyOpen(what, { code: 'EMFILE' })
}

function tooManyOpen (what: string, cause: { code?: string | undefined }): Error {
  return Object.assign(new Error(`${what} could not be started: too many files are open`, { cause }), { code: cause.code })
}

/** Why so many descriptors cannot be had; undefined when they can. */
function lackOf (count: number): NodeJS.ErrnoException | undefined {
  const held: number[] = []
  try {
    while (held.length < count) held.push(openSync(devNull, 'r'))
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'EMFILE' || code === 'ENFILE' ? error as NodeJS.ErrnoException : undefined
  } finally {
    for (const fd of held) closeSync(fd)
  }
}
