import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { whyUnreadable } from '../../storage/base/file-words.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { knownKeys, type KnownKey } from './keys.js'

/** How often a change of the file is looked for, at the most, in milliseconds. */
const LOOK_MS = 1000

/**
 * Keys in a file of JSON, which is read again when it has changed: keys are added and withdrawn without a restart. A file that cannot be read
 * any more leaves the keys as they were, and is an error in the log.
 */
export class KeyFile {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Logger
  #keys: KnownKey[]
  #mark: string
  #lookedAt: number
  #looking: Promise<void> | undefined

  /** Throws a TypeError for a file that is none, or holds no keys. */
  constructor (path: string, clock: Clock, log: Logger) {
    this.#path = path
    this.#clock = clock
    this.#log = log
    try {
      this.#mark = markOf(statSync(path))
      this.#keys = parsed(readFileSync(path, 'utf8'), path)
    } catch (error) {
      if (error instanceof TypeError) throw error
      throw new TypeError(`The file of API keys ${path} cannot be read: ${whyUnreadable(error)}.`, { cause: error })
    }
    this.#lookedAt = clock.now()
  }

  /** The keys as the file has them now, or had them a second ago. */
  async keys (): Promise<readonly KnownKey[]> {
    if (this.#clock.now() - this.#lookedAt >= LOOK_MS) {
      this.#looking ??= this.#look().finally(() => { this.#looking = undefined })
      await this.#looking
    }
    return this.#keys
  }

  async #look (): Promise<void> {
    this.#lookedAt = this.#clock.now()
    let mark = 'missing'
    try {
      mark = markOf(await stat(this.#path))
      if (mark === this.#mark) return
      this.#keys = parsed(await readFile(this.#path, 'utf8'), this.#path)
      this.#log.info({ keys: this.#keys.length }, 'the file of API keys has changed and was read again')
    } catch (err) {
      if (mark !== this.#mark) this.#log.error({ err }, 'the file of API keys cannot be read; the keys stay as they were')
    }
    this.#mark = mark
  }
}

const markOf = ({ mtimeMs, size, ino }: { mtimeMs: number, size: number, ino: number }): string => `${mtimeMs} ${size} ${ino}`

function parsed (text: string, path: string): KnownKey[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // The parser's message quotes the file, which may hold keys.
    throw new TypeError(`The file of API keys ${path} is not valid JSON.`)
  }
  const keys = knownKeys(json, `The file of API keys ${path}`)
  if (keys.length === 0) throw new TypeError(`The file of API keys ${path} holds none.`)
  return keys
}
