import { readFlags } from './commands.js'
import { OperatorError } from './errors.js'
import type { ServerAddress } from './server-address.js'
import { SETTINGS, type Setting, type Values } from './settings.js'
import { httpUrl } from './values.js'

export interface ExportCommand {
  run: 'export'
  values: TransferValues
  /** Default: stdout. */
  out: string | undefined
  resume: boolean
  /** A running server, in place of a store. */
  server: ServerAddress | undefined
  format: 'jsonl' | 'sqlite'
}

export interface ImportCommand {
  run: 'import'
  values: TransferValues
  /** Default: stdin. */
  file: string | undefined
  strict: boolean
  project: string | undefined
  /** A running server, in place of a store. */
  server: ServerAddress | undefined
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

/** What `export` is asked for; flags win over the environment. Throws an `OperatorError`. */
export function readExport (argv: readonly string[], env: Environment): ExportCommand {
  const { values: flags } = readFlags('export', argv)
  const { out, resume = false, sqlite = false } = flags
  if (resume && out === undefined) throw new OperatorError('--resume needs --out: the file to go on with.')
  const server = serverAddress(flags, env)
  if (server !== undefined && resume) throw new OperatorError('--resume goes with a store: what a server sends is begun anew.')
  if (server === undefined && sqlite) throw new OperatorError('--sqlite goes with --url: without a server, copy the file itself.')
  return { run: 'export', values: server === undefined ? storeValues(flags, env) : {}, out: given(out, '--out'), resume, server, format: sqlite ? 'sqlite' : 'jsonl' }
}

export function readImport (argv: readonly string[], env: Environment): ImportCommand {
  const { values: flags, positionals: [file] } = readFlags('import', argv)
  const server = serverAddress(flags, env)
  return { run: 'import', values: server === undefined ? storeValues(flags, env) : {}, file, strict: flags.strict ?? false, project: given(flags.project, '--project'), server }
}

export function readPull (argv: readonly string[], env: Environment): PullCommand {
  const { values: flags } = readFlags('pull', argv)
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

/** Where the store is, by the flags of a command and the environment. */
export function storeValues (flags: { storage?: string | undefined, config?: string | undefined }, env: Environment): TransferValues {
  const read = (setting: Setting<string>, flag: string | undefined): string | undefined => {
    if (flag !== undefined) return setting.parse(given(flag, `--${setting.flag}`) as string, `--${setting.flag}`)
    const value = env[setting.env]?.trim() ?? ''
    return value === '' ? undefined : setting.parse(value, setting.env)
  }
  const [storage, config] = [read(SETTINGS.storage, flags.storage), read(SETTINGS.config, flags.config)]
  return { ...storage === undefined ? {} : { storage }, ...config === undefined ? {} : { config } }
}

/** The running server of `--url`, and its key. Throws an `OperatorError`. */
export function serverAddress ({ url, key, storage }: { url?: string | undefined, key?: string | undefined, storage?: string | undefined }, env: Environment): ServerAddress | undefined {
  if (url === undefined) {
    if (key !== undefined) throw new OperatorError('--key goes with --url.')
    return undefined
  }
  if (storage !== undefined) throw new OperatorError('--url stands in place of --storage.')
  return { url: httpUrl(url, '--url'), key: given(key, '--key') ?? (env.API_KEY?.trim() || undefined) }
}

export function given (value: string | undefined, flag: string): string | undefined {
  if (value === '') throw new OperatorError(`${flag} needs a value.`)
  return value
}
