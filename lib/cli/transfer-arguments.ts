import { parseArgs } from 'node:util'
import { OperatorError } from './errors.js'
import { SETTINGS, type Setting, type Values } from './settings.js'
import { httpUrl } from './values.js'

export interface ExportCommand {
  run: 'export'
  values: TransferValues
  /** Default: stdout. */
  out: string | undefined
  resume: boolean
}

export interface ImportCommand {
  run: 'import'
  values: TransferValues
  /** Default: stdin. */
  file: string | undefined
  strict: boolean
  project: string | undefined
}

export interface PullCommand {
  run: 'pull'
  values: TransferValues
  from: string
  key: string | undefined
  headers: Record<string, string>
  /** A file with ids of threads, `-` for stdin. Default: the threads that the server lists. */
  threads: string | undefined
  project: string | undefined
}

/** What says where the store is. */
export type TransferValues = Pick<Values, 'storage' | 'config'>

type Environment = Readonly<Record<string, string | undefined>>

const STORE = { storage: { type: 'string' }, config: { type: 'string' } } as const

/** The commands that move what is kept. */
export const TRANSFER_COMMANDS: readonly string[] = ['export', 'import', 'pull']

/** What `export`, `import` and `pull` are asked for; flags win over the environment. Throws an `OperatorError`. */
export function readTransfer (argv: readonly string[], env: Environment): ExportCommand | ImportCommand | PullCommand {
  const [run, ...args] = argv
  if (run === 'pull') return readPull(args, env)
  if (run === 'export') {
    const { values: flags } = parsed(() => parseArgs({ args, options: { ...STORE, out: { type: 'string' }, resume: { type: 'boolean' } } }))
    const { out, resume = false } = flags
    if (resume && out === undefined) throw new OperatorError('--resume needs --out: the file to go on with.')
    return { run: 'export', values: storeValues(flags, env), out: given(out, '--out'), resume }
  }
  const { values: flags, positionals: [file, another] } = parsed(() => parseArgs({
    args, options: { ...STORE, strict: { type: 'boolean' }, project: { type: 'string' } }, allowPositionals: true
  }))
  if (another !== undefined) throw new OperatorError(`import takes one file, not "${another}" as well.`)
  return { run: 'import', values: storeValues(flags, env), file, strict: flags.strict ?? false, project: given(flags.project, '--project') }
}

function readPull (args: string[], env: Environment): PullCommand {
  const { values: flags } = parsed(() => parseArgs({
    args, options: { ...STORE, from: { type: 'string' }, key: { type: 'string' }, header: { type: 'string', multiple: true }, threads: { type: 'string' }, project: { type: 'string' } }
  }))
  const from = given(flags.from, '--from')
  if (from === undefined) throw new OperatorError('pull needs --from: the base URL of the server to read from.')
  const key = given(flags.key, '--key') ?? (env.PULL_KEY?.trim() || undefined)
  return {
    run: 'pull', values: storeValues(flags, env), from: httpUrl(from, '--from'), key, headers: headersOf(flags.header ?? []), threads: given(flags.threads, '--threads'), project: given(flags.project, '--project')
  }
}

/** Lines as `curl -H` takes them. */
function headersOf (lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(lines.map(line => {
    const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):\s*([\t -~]*)$/.exec(line) ?? []
    // What stands there may be a secret.
    if (name === undefined || value === undefined) throw new OperatorError('--header must be of the form "NAME: VALUE".')
    return [name.toLowerCase(), value]
  }))
}

function parsed<T> (parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.?\s*\n|\.\s/)
    throw new OperatorError(`${sentence}: see --help.`, { cause: error })
  }
}

function storeValues (flags: { storage?: string | undefined, config?: string | undefined }, env: Environment): TransferValues {
  const read = (setting: Setting<string>, flag: string | undefined): string | undefined => {
    if (flag !== undefined) return setting.parse(given(flag, `--${setting.flag}`) as string, `--${setting.flag}`)
    const value = env[setting.env]?.trim() ?? ''
    return value === '' ? undefined : setting.parse(value, setting.env)
  }
  const [storage, config] = [read(SETTINGS.storage, flags.storage), read(SETTINGS.config, flags.config)]
  return { ...storage === undefined ? {} : { storage }, ...config === undefined ? {} : { config } }
}

function given (value: string | undefined, flag: string): string | undefined {
  if (value === '') throw new OperatorError(`${flag} needs a value.`)
  return value
}
