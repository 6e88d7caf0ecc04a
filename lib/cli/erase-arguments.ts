import { parseArgs } from 'node:util'
import { OperatorError } from './errors.js'

export interface EraseCommand {
  run: 'erase'
  project: string
  /** Without one the whole project goes. */
  thread: string | undefined
  files: 'made' | 'all'
  /** Flags that the server knows, too. */
  server: string[]
}

/** What `erase ...` asks for. Throws an `OperatorError`. */
export function readErase (argv: readonly string[]): EraseCommand {
  let values
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        project: { type: 'string' }, thread: { type: 'string' }, files: { type: 'string' }, yes: { type: 'boolean' }, storage: { type: 'string' }, blobs: { type: 'string' }, config: { type: 'string' }
      }
    }).values
  } catch (cause) {
    throw new OperatorError(`${(cause as Error).message.split(/\.\s/)[0]}: see --help.`, { cause })
  }
  const { project = '', thread, files = 'made', yes, ...server } = values
  if (project === '') throw new OperatorError('erase needs --project NAME.')
  if (thread === '') throw new OperatorError('--thread needs the id of a thread.')
  if (files !== 'made' && files !== 'all') throw new OperatorError('--files is "made" or "all".')
  if (values.files !== undefined && thread === undefined) throw new OperatorError('--files goes with --thread: a project is erased with all its files.')
  if (yes !== true) throw new OperatorError(`This erases ${thread === undefined ? `everything of the project "${project}"` : `the thread ${thread}`} for good: add --yes if you mean it.`)
  return { run: 'erase', project, thread, files, server: Object.entries(server).map(([name, value]) => `--${name}=${value}`) }
}
