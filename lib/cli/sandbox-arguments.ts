import { parseArgs } from 'node:util'
import { OperatorError } from './errors.js'

export interface SandboxCheckCommand {
  run: 'sandbox'
  action: 'check'
  /** Flags that the server knows, too. */
  server: string[]
}

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
const OPTIONS = {
  check: { config: { type: 'string' }, 'code-interpreter': { type: 'string' } },
  prepare: { packages: { type: 'string', multiple: true }, out: { type: 'string' }, from: { type: 'string' } }
} as const

/** What `sandbox check ...` and `sandbox prepare ...` ask for. Throws an `OperatorError`. */
export function readSandboxCommand (argv: readonly string[]): SandboxCheckCommand | SandboxPrepareCommand {
  const [, action, ...args] = argv
  if (action !== 'check' && action !== 'prepare') throw new OperatorError('There are two commands about sandboxes: sandbox check and sandbox prepare. See --help.')
  try {
    if (action === 'check') {
      const { values } = parseArgs({ args, options: OPTIONS.check })
      return { run: 'sandbox', action, server: Object.entries(values).map(([name, value]) => `--${name}=${value}`) }
    }
    const { packages = [], out, from } = parseArgs({ args, options: OPTIONS.prepare }).values
    const names = packages.flatMap(list => list.split(',')).map(name => name.trim()).filter(name => name !== '')
    if (from !== undefined && !/^https?:/.test(URL.canParse(from) ? new URL(from).protocol : '')) throw new OperatorError(`--from must be an http or https URL, not "${from}".`)
    return { run: 'sandbox', action, packages: names.length === 0 ? DEFAULT_PACKAGES : names, out, from }
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause
    throw new OperatorError(`${(cause as Error).message.split(/\.\s/)[0]}: see --help.`, { cause })
  }
}
