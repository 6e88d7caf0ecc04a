import { OperatorError } from './errors.js'

export interface EraseCommand {
  run: 'erase'
  project: string
  /** Without one the whole project goes. */
  thread: string | undefined
  files: 'made' | 'all'
}

/** What `erase ...` asks for. Throws an `OperatorError`. */
export function readErase (values: { project?: string, thread?: string, files?: string, yes?: boolean }): EraseCommand {
  const { project = '', thread, files = 'made', yes } = values
  if (project === '') throw new OperatorError('erase needs --project NAME.')
  if (thread === '') throw new OperatorError('--thread needs the id of a thread.')
  if (files !== 'made' && files !== 'all') throw new OperatorError('--files is "made" or "all".')
  if (values.files !== undefined && thread === undefined) throw new OperatorError('--files goes with --thread: a project is erased with all its files.')
  if (yes !== true) throw new OperatorError(`This erases ${thread === undefined ? `everything of the project "${project}"` : `the thread ${thread}`} for good: add --yes if you mean it.`)
  return { run: 'erase', project, thread, files }
}
