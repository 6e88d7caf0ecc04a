import { readFlags } from './commands.js'
import { OperatorError } from './errors.js'

export interface SandboxPrepareCommand {
  run: 'sandbox'
  action: 'prepare'
  /** By the names of Pyodide or those of imports. */
  packages: string[]
  /** Undefined: nothing is fetched. */
  out: string | undefined
  /** Where wheels are fetched from. Undefined: from Pyodide's makers. */
  from: string | undefined
}

const DEFAULT_PACKAGES = ['numpy', 'pandas', 'matplotlib']

/** What `sandbox prepare ...` asks for. Throws an `OperatorError`. */
export function readSandboxPrepare (argv: readonly string[]): SandboxPrepareCommand {
  const { packages = [], out, from } = readFlags('sandbox prepare', argv).values
  const names = packages.flatMap(list => list.split(',')).map(name => name.trim()).filter(name => name !== '')
  if (from !== undefined && !/^https?:/.test(URL.canParse(from) ? new URL(from).protocol : '')) throw new OperatorError(`--from must be an http or https URL, not "${from}".`)
  return { run: 'sandbox', action: 'prepare', packages: names.length === 0 ? DEFAULT_PACKAGES : names, out, from }
}
