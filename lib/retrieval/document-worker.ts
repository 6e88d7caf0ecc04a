/** The thread in which `document-main.ts` has documents read. One document at a time. */
import { parentPort, workerData } from 'node:worker_threads'
import { tokenCounter } from '../models/tokens.js'
import { limitArrayBytes } from './array-limit.js'
import { chunks, type Chunk, type ChunkSize } from './chunk.js'
import { DocumentError, type DocumentErrorCode, type DocumentLimits } from './parse/document.js'
import type { ExtensionSet } from './parse/kinds.js'
import { Ocr, type RecogniseText } from './parse/ocr.js'
import { parseDocument } from './parse/parse.js'
import { correctTextDecoder } from './parse/text/decoder.js'

export interface DocumentJob {
  filename: string
  bytes: Uint8Array
  chunking: ChunkSize
}

/** To the process: a document, whose bytes are the next frame, or the wish for more of its chunks. */
export type ToDocumentProcess = { job: Omit<DocumentJob, 'bytes'> } | { more: true }

/** To the thread in it. */
type ToDocumentWorker = { job: DocumentJob } | { more: true }

/** From the thread. After `chunks` it waits for `more`, unless they are the last; `progress` is the part of the document's text that they end, 0 to 1. */
export type FromDocumentWorker =
  | { chunks: Chunk[], progress: number }
  | { chunks: Chunk[], progress: number, done: true, notes: string[] }
  /** With a sentence for each part of the document that could not be read. */
  | { done: true, notes: string[] }
  /** A part of the document that takes long has been read: it is not stuck. */
  | { busy: true }
  | { error: { code: DocumentErrorCode, message: string } }

/** From the process. */
export type FromDocumentProcess =
  | FromDocumentWorker
  /** The thread has the document: what happens from here on may be its fault. */
  | { begun: true }
  /** The thread has ended, or has to, for what the document made of it. */
  | { ended: 'memory' | 'error', message: string }

export interface DocumentWorkerData {
  limits: DocumentLimits
  extensions: ExtensionSet
  /** Languages in which pictures of text are read; none when they are not. */
  languages: readonly string[]
  maxArrayBytes: number
}

/** Chunks in one message: some 200 kB. One may be of hundreds of kB itself, where each word is long. */
const BATCH = 64
const BATCH_CHARACTERS = 256 * 1024
/** Sentences about parts that could not be read. */
const MAX_NOTES = 1000

const port = parentPort
if (port === null) throw new Error('this module runs in a worker thread')
const { limits, extensions, languages, maxArrayBytes } = workerData as DocumentWorkerData
limitArrayBytes(maxArrayBytes)
correctTextDecoder()

const ocr = new Ocr(languages)
/** Pictures take seconds each, so that the time for a document counts anew after each. */
const recognise: RecogniseText | undefined = languages.length === 0
  ? undefined
  : async picture => {
    const text = await ocr.recognise(picture)
    send({ busy: true })
    return text
  }

const encoder = new TextEncoder()
let wantMore: (() => void) | undefined

port.on('message', (message: ToDocumentWorker) => {
  if ('more' in message) wantMore?.()
  else answer(message.job).catch(() => {})
})

async function answer (job: DocumentJob): Promise<void> {
  try {
    send(await read(job))
  } catch (error) {
    const { code, message } = error instanceof DocumentError ? error : { code: 'server_error' as const, message: 'The file could not be read.' }
    send({ error: { code, message } })
  }
}

/** Gives all but the last batch of chunks. */
async function read ({ filename, bytes, chunking }: DocumentJob): Promise<FromDocumentWorker> {
  const [sections, count] = await Promise.all([parseDocument(filename, bytes, limits, { extensions, ...recognise === undefined ? {} : { recognise } }), tokenCounter()])
  const characters = sections.reduce((sum, { text }) => sum + text.length + 1, 0)
  let batch: Chunk[] = []
  let batchCharacters = 0
  for (const chunk of chunks(sections, chunking, count, limits.maxTokens)) {
    batch.push(chunk)
    batchCharacters += chunk.text.length
    if (batch.length < BATCH && batchCharacters < BATCH_CHARACTERS) continue
    await give(batch, characters)
    batch = []
    batchCharacters = 0
  }
  const notes = sections.flatMap(({ note }) => note ?? [])
  const end = { done: true, notes: notes.length <= MAX_NOTES ? notes : [...notes.slice(0, MAX_NOTES), `${notes.length - MAX_NOTES} more parts could not be read.`] } as const
  return batch.length > 0 ? { chunks: batch, progress: 1, ...end } : end
}

async function give (batch: Chunk[], characters: number): Promise<void> {
  const asked = new Promise<void>(resolve => { wantMore = resolve })
  const { start, text } = batch.at(-1)!
  send({ chunks: batch, progress: Math.min(1, (start + text.length) / characters) })
  await asked
}

/** As it is sent on to the server: the process has only to pass it on. */
function send (message: FromDocumentWorker): void {
  const bytes = encoder.encode(JSON.stringify(message))
  port!.postMessage(bytes, [bytes.buffer])
}
