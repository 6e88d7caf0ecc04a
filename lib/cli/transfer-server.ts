import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { ImportedStore } from '../../schemas/transfer.js'
import { readLines, type TextLine } from '../transfer/read-lines.js'
import { OperatorError } from './errors.js'
import { fileTrouble } from './file-trouble.js'
import { syncFile } from './sync-file.js'
import { askServer, askServerForObject, type ServerAddress } from './server-address.js'

export interface ServerExport {
  server: ServerAddress
  format: 'jsonl' | 'sqlite'
  /** Default: stdout. */
  out: string | undefined
  /** Told with each record that came, or of a SQLite file with each piece of it. */
  onProgress: (counts: { records: number, bytes: number }) => void
}

/** Fetches everything in the store of a running server. A file is there only when it is whole. */
export async function exportFromServer ({ server, format, out, onProgress }: ServerExport): Promise<void> {
  const { body } = await askServer(server, `/server/export?format=${format}`)
  const counts = { records: 0, bytes: 0 }
  const counted = async function * (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      counts.bytes += chunk.length
      yield chunk
      if (format === 'sqlite') onProgress(counts)
    }
  }
  const lines = async function * (source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    for await (const { text } of readLines(source)) {
      if (text.startsWith(RECORD) && !text.endsWith(AGAIN)) counts.records++
      yield `${text}\n`
      onProgress(counts)
    }
  }
  const source = Readable.fromWeb(body as ReadableStream)
  const part = out === undefined ? undefined : `${out}.part`
  const target: Writable = part === undefined ? process.stdout : createWriteStream(part, { mode: 0o600 })
  try {
    if (format === 'sqlite') await pipeline(source, counted, target, { end: part !== undefined })
    else await pipeline(source, counted, lines, target, { end: part !== undefined })
    if (part === undefined) return
    syncFile(part)
    await rename(part, out as string)
  } catch (cause) {
    if (part !== undefined) await rm(part, { force: true })
    throw new OperatorError(fileTrouble(cause, out) ?? `The export broke off: ${(cause as Error).message}. Start it again.`, { cause })
  }
}

/** How a record's line begins, and how one ends that brings a later state of a record that came before. */
const [RECORD, AGAIN] = ['{"object":"openai_compat.record"', '"again":true}']

export interface ServerImport {
  server: ServerAddress
  input: AsyncIterable<Uint8Array>
  strict: boolean
  project: string | undefined
  onBadLine: (line: number, reason: string) => void
  /** Told with each line that was sent: bytes of input so far. */
  onProgress: (bytes: number) => void
}

/** A request has ten minutes to arrive in. */
const REQUEST_BYTES = 32 * 1024 * 1024

/** Sends lines to a running server, in requests of 32 MiB or little more. */
export async function importIntoServer ({ server, input, strict, project, onBadLine, onProgress }: ServerImport): Promise<{ written: Map<string, number>, there: number, badLines: number }> {
  const result = { written: new Map<string, number>(), there: 0, badLines: 0 }
  const lines = new Lines(readLines(input), onProgress)
  for (let next = await lines.peek(); next !== undefined; next = await lines.peek()) {
    const query = new URLSearchParams({ first_line: String(next.number), ...strict ? { strict: 'true' } : {}, ...project === undefined ? {} : { project } })
    const body = Readable.toWeb(Readable.from(lines.request(), { objectMode: false }))
    const { written, there, bad_lines: badLines, bad } = await askServerForObject(server, `/server/import?${query.toString()}`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: body as globalThis.ReadableStream }) as ImportedStore
    for (const [kind, count] of Object.entries(written)) result.written.set(kind, (result.written.get(kind) ?? 0) + count)
    result.there += there
    result.badLines += badLines
    for (const { line, reason } of bad) onBadLine(line, reason)
    if (strict && badLines > 0) break
  }
  return result
}

/** Lines that are handed out in parts. */
class Lines {
  readonly #lines: AsyncIterator<TextLine>
  readonly #onProgress: (bytes: number) => void
  #next: TextLine | undefined
  /** JSON over many lines cannot be parted. */
  #isOneValue = false

  constructor (lines: AsyncGenerator<TextLine>, onProgress: (bytes: number) => void) {
    this.#lines = lines
    this.#onProgress = onProgress
  }

  /** The first line of the next part; undefined at the end. */
  async peek (): Promise<TextLine | undefined> {
    if (this.#next !== undefined) return this.#next
    const { value, done } = await this.#lines.next() as IteratorResult<TextLine, undefined>
    this.#next = done === true ? undefined : value
    if (this.#next?.number === 1) this.#isOneValue = /^\s*[[{]\s*$/.test(this.#next.text)
    return this.#next
  }

  /** The lines of one request, which ends with a line that needs none of the following: the bytes of a file stand before its record. */
  async * request (): AsyncGenerator<string> {
    let length = 0
    for (let line = await this.peek(); line !== undefined; line = await this.peek()) {
      this.#next = undefined
      yield `${line.text}\n`
      this.#onProgress(line.end)
      length += line.text.length
      if (length >= REQUEST_BYTES && !this.#isOneValue && !line.text.startsWith(BYTES)) return
    }
  }
}

const BYTES = '{"object":"openai_compat.bytes"'
