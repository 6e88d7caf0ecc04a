import { parseArgs } from 'node:util'
import { OperatorError } from './errors.js'

export interface EvalCommand {
  run: 'eval'
  /** A collection, see `Collection`. */
  file: string
  /** What says where the models are, as flags of the server; without any, the config file and the environment do. */
  server: string[]
}

/** What `eval` is asked for. Throws an `OperatorError`. */
export function readEval (argv: readonly string[]): EvalCommand {
  const { positionals, tokens } = parseArgs({ args: [...argv], strict: false, allowPositionals: true, tokens: true, options: SERVER_FLAGS })
  const unknown = tokens.find(token => token.kind === 'option' && !(token.name in SERVER_FLAGS))
  if (unknown?.kind === 'option') throw new OperatorError(`Unknown option '--${unknown.name}': see --help.`)
  const [file, another] = positionals
  if (file === undefined) throw new OperatorError('eval needs a file with documents and questions: see --help.')
  if (another !== undefined) throw new OperatorError(`eval takes one file, not "${another}" as well.`)
  return { run: 'eval', file, server: tokens.flatMap(token => token.kind === 'option' ? [`--${token.name}=${token.value ?? ''}`] : []) }
}

const SERVER_FLAGS = { config: { type: 'string' }, 'base-url': { type: 'string' }, 'upstream-key': { type: 'string' }, 'log-level': { type: 'string' } } as const
