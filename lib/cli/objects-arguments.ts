import { DEFAULT_PROJECT } from '../../storage/layout.js'
import { readFlags, type CommandName } from './commands.js'
import { OperatorError } from './errors.js'
import type { ServerAddress } from './server-address.js'
import { given, serverAddress, storeValues, type TransferValues } from './transfer-arguments.js'

export type ObjectKind = 'assistants' | 'threads' | 'runs' | 'files'

export interface ObjectsCommand {
  run: 'objects'
  kind: ObjectKind
  action: 'ls' | 'show' | 'rm'
  /** Of `show` and `rm`. */
  id: string
  /** Of runs. */
  thread: string
  limit: number
  isJson: boolean
  /** Where they are: a store and a project in it, or a server. */
  place: { values: TransferValues, project: string } | ServerAddress
}

const DEFAULT_LIMIT = 20
const MOST = 1_000_000

/** What `threads ls ...` and the like ask for. Throws an `OperatorError`. */
export function readObjects (name: CommandName & `${ObjectKind} ${ObjectsCommand['action']}`, argv: readonly string[], env: Readonly<Record<string, string | undefined>>): ObjectsCommand {
  const { values, positionals: [id = ''] } = readFlags(name, argv)
  const [kind, action] = name.split(' ') as [ObjectKind, ObjectsCommand['action']]
  const { limit, json, thread, url, key, project, ...store } = values as { limit?: string, json?: boolean, thread?: string, url?: string, key?: string, project?: string, storage?: string, config?: string }
  if (action !== 'ls' && id === '') throw new OperatorError(`${name} needs an ID.`)
  if (kind === 'runs' && (thread ?? '') === '') throw new OperatorError(`${name} needs --thread: the id of the run's thread.`)
  const count = limit === undefined ? DEFAULT_LIMIT : Number(/^\d{1,7}$/.test(limit) ? limit : NaN)
  if (!(count >= 1 && count <= MOST)) throw new OperatorError(`--limit must be a whole number from 1 to ${MOST}, not "${limit}".`)
  if (url !== undefined && (project !== undefined || store.storage !== undefined)) throw new OperatorError('--url stands in place of --storage and --project: a key has its own project.')
  const server = serverAddress({ url, key }, env)
  return {
    run: 'objects',
    kind,
    action,
    id,
    thread: thread ?? '',
    limit: count,
    isJson: json === true,
    place: server ?? { values: storeValues(store, env), project: given(project, '--project') ?? DEFAULT_PROJECT }
  }
}
