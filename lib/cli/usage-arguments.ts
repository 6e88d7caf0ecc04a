import { readFlags } from './commands.js'
import { OperatorError } from './errors.js'
import { given, storeValues, type TransferValues } from './transfer-arguments.js'

export interface UsageCommand {
  run: 'usage'
  values: TransferValues
  /** Days as `2027-01-31`, both included. */
  from: string
  to: string
  /** Undefined: all. */
  project: string | undefined
}

const DAY_MS = 24 * 60 * 60 * 1000
const DEFAULT_DAYS = 30
const MOST_DAYS = 3700

/** What `usage` is asked for. Throws an `OperatorError`. */
export function readUsage (argv: readonly string[], env: Readonly<Record<string, string | undefined>>, now = Date.now()): UsageCommand {
  const { values: flags } = readFlags('usage', argv)
  const to = day(given(flags.to, '--to'), '--to') ?? now
  const from = day(given(flags.from, '--from'), '--from') ?? to - DEFAULT_DAYS * DAY_MS
  if (from > to) throw new OperatorError('--from must not be after --to.')
  if (to - from > MOST_DAYS * DAY_MS) throw new OperatorError('--from and --to are more than ten years apart.')
  const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
  return { run: 'usage', values: storeValues(flags, env), from: iso(from), to: iso(to), project: given(flags.project, '--project') }
}

function day (text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at)) throw new OperatorError(`${flag} must be a date such as 2027-01-31, not "${text}".`)
  return at
}
