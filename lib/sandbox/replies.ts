import type { Readable } from 'node:stream'
import type { SandboxFile } from './sandbox.js'

/** What the runner answers, one JSON object a line. Code that runs beside it can forge any of it. */
export type Reply =
  | { type: 'ready', python: string }
  | { type: 'image', png: Buffer }
  | { type: 'done', status: 'ok' | 'error', interrupted: boolean, files: SandboxFile[] }
  | { type: 'ok' }
  | { type: 'data', data: Buffer }
  | { type: 'error', message: string }

/** A line holds a picture or a piece of a file. */
const MAX_LINE_BYTES = 16 * 1024 ** 2
/** Replies that nobody has asked for yet: the images of a call come before their place in the output is read. */
const MAX_WAITING = 64
const MAX_FILES = 1000
const MAX_PATH = 1024
const MAX_MESSAGE = 2000

/** Replies in the order in which they came. A line that is none ends the session. */
export class Replies {
  readonly #broken: (reason: string) => void
  readonly #waiting: Reply[] = []
  #chunks: Buffer[] = []
  #bytes = 0
  #wake = (): void => {}
  #hasEnded = false

  /** @param broken called when the other side does not keep to the protocol. */
  constructor (source: Readable, broken: (reason: string) => void) {
    this.#broken = broken
    source.on('data', (chunk: Buffer) => this.#read(chunk))
    source.on('close', () => this.end())
    source.on('error', () => {})
  }

  end (): void {
    this.#hasEnded = true
    this.#wake()
  }

  /** Undefined: the session has ended. */
  async next (): Promise<Reply | undefined> {
    while (this.#waiting.length === 0 && !this.#hasEnded) await new Promise<void>(resolve => { this.#wake = resolve })
    return this.#hasEnded ? undefined : this.#waiting.shift()
  }

  #read (chunk: Buffer): void {
    let rest = chunk
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#chunks, rest.subarray(0, end)])
      this.#chunks = []
      this.#bytes = 0
      rest = rest.subarray(end + 1)
      const reply = parse(line)
      if (reply === undefined) return this.#fail('it sent a reply that is none')
      if (this.#waiting.push(reply) > MAX_WAITING) return this.#fail('it sent replies that were not asked for')
    }
    if (rest.length > 0) this.#chunks.push(rest)
    this.#bytes += rest.length
    if (this.#bytes > MAX_LINE_BYTES) return this.#fail('it sent a reply that is too long')
    this.#wake()
  }

  #fail (reason: string): void {
    this.#chunks = []
    this.#bytes = 0
    this.end()
    this.#broken(reason)
  }
}

function parse (line: Buffer): Reply | undefined {
  let value: unknown
  try {
    value = JSON.parse(line.toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { type, python, png, status, interrupted, files, data, message } = value as Record<string, unknown>
  switch (type) {
    case 'ready': return { type, python: text(python, 20) }
    case 'image': return { type, png: Buffer.from(text(png, Infinity), 'base64') }
    case 'done': return { type, status: status === 'ok' ? 'ok' : 'error', interrupted: interrupted === true, files: Array.isArray(files) ? files.slice(0, MAX_FILES).flatMap(toFile) : [] }
    case 'ok': return { type }
    case 'data': return { type, data: Buffer.from(text(data, Infinity), 'base64') }
    case 'error': return { type, message: text(message, MAX_MESSAGE) }
    default: return undefined
  }
}

function text (value: unknown, maxLength: number): string {
  return typeof value === 'string' ? value.slice(0, maxLength) : ''
}

/** A path relative to `/mnt/data`, without a way out of it. */
function toFile (value: unknown): SandboxFile[] {
  if (!Array.isArray(value)) return []
  const [path, bytes] = value as unknown[]
  if (typeof path !== 'string' || !isPlainPath(path) || typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) return []
  return [{ path, bytes }]
}

/** Whether it is a relative path without a way out. */
export function isPlainPath (path: string): boolean {
  return path.length <= MAX_PATH && !path.includes('\0') && path.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
