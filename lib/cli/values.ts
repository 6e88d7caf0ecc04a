import { parseStorageUrl } from '../../storage/open.js'
import type { CodeInterpreterOption } from '../options/code-interpreter.js'
import { BACKENDS } from '../sandbox/choose.js'
import { isPort } from '../server/options.js'
import { OperatorError } from './errors.js'

/**
 * Parsers of setting values. Each receives the text and its origin (`--port`, `PORT`), and throws an `OperatorError` that names the
 * origin, but never a secret.
 */
export type ParseValue<T> = (text: string, origin: string) => T

const LOG_LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export function text (value: string): string {
  return value
}

export function yesOrNo (value: string, origin: string): boolean {
  if (/^(true|1|yes|on)$/i.test(value)) return true
  if (/^(false|0|no|off)$/i.test(value)) return false
  throw new OperatorError(`${origin} must be true or false, not "${value}".`)
}

export function port (value: string, origin: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : NaN
  if (!isPort(number)) throw new OperatorError(`${origin} must be a whole number from 0 to 65535, not "${value}".`)
  return number
}

export function positive (value: string, origin: string): number {
  const number = /^\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : NaN
  if (!(number > 0)) throw new OperatorError(`${origin} must be a number above 0, not "${value}".`)
  return number
}

export function httpUrl (value: string, origin: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  // The message does not repeat the value, which may contain a password.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new OperatorError(`${origin} must be an http(s) URL without a user name, such as https://api.openai.com/v1.`)
  }
  return value
}

export function storageUrl (value: string, origin: string): string {
  try {
    parseStorageUrl(value, origin)
  } catch (error) {
    throw new OperatorError((error as TypeError).message)
  }
  return value
}

/** The option that a word stands for. */
export function codeInterpreter (value: string, origin: string): CodeInterpreterOption {
  if (value === 'auto' || value === 'off') return value
  const backend = BACKENDS.find(name => name === value)
  if (backend === undefined) throw new OperatorError(`${origin} must be one of auto, off, ${BACKENDS.join(', ')}, not "${value}".`)
  return { backend }
}

export function logLevel (value: string, origin: string): string {
  if (!LOG_LEVELS.includes(value)) throw new OperatorError(`${origin} must be one of ${LOG_LEVELS.join(', ')}, not "${value}".`)
  return value
}

/** `KEY` or `KEY=PROJECT`: the key, and the project when there is one. Split at the last `=`, because a key may contain some. */
export function apiKey (value: string, origin: string): readonly [key: string, project: string | undefined] {
  const at = value.lastIndexOf('=')
  if (at === -1) return [value, undefined]
  if (at === 0 || at === value.length - 1) throw new OperatorError(`${origin} must be KEY or KEY=PROJECT, with neither part empty.`)
  return [value.slice(0, at), value.slice(at + 1)]
}

/** `FROM=TO`. */
export function alias (value: string, origin: string): readonly [from: string, to: string] {
  const at = value.indexOf('=')
  if (at < 1 || at === value.length - 1) throw new OperatorError(`${origin} must be FROM=TO, not "${value}".`)
  return [value.slice(0, at), value.slice(at + 1)]
}
