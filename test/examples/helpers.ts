import { join } from 'node:path'
import type { Test } from 'tap'
import { built } from '../helpers/paths.js'
import { startProcess, type ProcessOptions } from '../helpers/process.js'

/** Runs a file of `examples/`, compiled, with the package as it is now. */
export function startExample (t: Test, name: string, { args = [], ...options }: ProcessOptions = {}): ReturnType<typeof startProcess> {
  return startProcess(t, process.execPath, { ...options, args: ['--import', join(built, 'test/helpers/this-package.js'), ...args, join(built, 'examples', name)] })
}
