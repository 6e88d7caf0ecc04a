import { startChild, type ChildOptions, type StartedChild } from '../shared/child-process.js'
import { SandboxError } from './sandbox.js'

/** As `startChild`, for a process of a sandbox. Throws a `SandboxError` where as many files are open as may be. */
export function startPython (command: string, args: readonly string[], options: ChildOptions): StartedChild {
  try {
    return startChild('Python', command, args, options)
  } catch (cause) {
    throw new SandboxError(`${(cause as Error).message}.`, { cause })
  }
}
