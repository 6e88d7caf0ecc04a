import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hashedKey, knownKeys, type ApiKey } from '../http/keys.js'
import { readFlags } from './commands.js'
import { OperatorError } from './errors.js'
import { fileTrouble } from './file-trouble.js'

export interface KeyCommand {
  run: 'key'
  /** Without its key. */
  entry: Omit<ApiKey, 'key'>
  /** The file that the entry is added to. Without one it is printed. */
  file: string | undefined
}

const DAYS = /^(\d{1,5})d$/
const DAY_MS = 24 * 60 * 60 * 1000

/** What `key create ...` asks for. Throws an `OperatorError`. */
export function readKeyCommand (argv: readonly string[], now = Date.now()): KeyCommand {
  const { values } = readFlags('key create', argv)
  const { name, project, model, file } = values
  const entry = {
    ...name === undefined ? {} : { name },
    ...project === undefined ? {} : { project },
    ...values.expires === undefined ? {} : { expires: expiry(values.expires, now) },
    ...values['read-only'] === true ? { readOnly: true } : {},
    ...values['may-erase'] === true ? { mayErase: true } : {},
    ...values.admin === true ? { admin: true } : {},
    ...model === undefined ? {} : { models: model }
  }
  return { run: 'key', entry, file }
}

/** A date, or a number of days such as `90d`. */
function expiry (text: string, now: number): string {
  const days = DAYS.exec(text)?.[1]
  const at = days === undefined ? Date.parse(text) : now + Number(days) * DAY_MS
  if (Number.isNaN(at)) throw new OperatorError(`--expires must be a date such as 2027-01-31, or days such as 90d, not "${text}".`)
  if (at <= now) throw new OperatorError(`--expires must be a time to come, not "${text}".`)
  return new Date(at).toISOString()
}

/** Makes a key. It goes to stdout, and is nowhere else: what is kept of it is its hash. */
export function createKey ({ entry, file }: KeyCommand, { stdout, stderr }: { stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream }): void {
  const key = `sk-${randomBytes(32).toString('base64url')}`
  const kept: ApiKey = { key: hashedKey(key), ...entry }
  try {
    knownKeys([kept], 'The key')
  } catch (error) {
    throw new OperatorError((error as Error).message)
  }
  if (file === undefined) stderr.write(`An entry for "apiKeys", or for the file that --api-keys-file names:\n${JSON.stringify(kept, null, 2)}\n`)
  else addTo(file, kept)
  stdout.write(`${key}\n`)
}

/** The file is replaced as a whole, so that a server that reads it meanwhile sees the old or the new one. */
function addTo (path: string, entry: ApiKey): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) throw new OperatorError(`The file ${path} cannot be read: it is a folder.`)
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '[]'
  let entries: unknown
  try {
    entries = JSON.parse(text)
  } catch {
    throw new OperatorError(`${path} is not valid JSON.`)
  }
  if (!Array.isArray(entries)) throw new OperatorError(`${path} does not hold a list of keys.`)
  const next = `${path}.${process.pid}.new`
  try {
    writeFileSync(next, `${JSON.stringify([...entries as unknown[], entry], null, 2)}\n`, { mode: 0o600 })
    renameSync(next, path)
  } catch (error) {
    rmSync(next, { force: true })
    throw new OperatorError(fileTrouble(error, path) ?? `The file ${path} cannot be written: ${(error as Error).message}.`, { cause: error })
  }
}
