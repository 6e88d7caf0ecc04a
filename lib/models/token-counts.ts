import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { WORKER_ARGUMENTS } from '../retrieval/worker-arguments.js'
import { FairQueue } from '../shared/fair-queue.js'
import type { CountCall, CountReply } from './token-worker.js'

/** Text that the thread is given at once, in characters: other projects wait for no more than this. */
const BATCH = 256_000
/** Counts that are remembered, and from which length on: less text is counted sooner than looked up. */
const MOST_REMEMBERED = 10_000
const SHORTEST_REMEMBERED = 256
/** What a token has on average, for what is not counted. */
export const BYTES_PER_TOKEN = 4

export interface CountOptions {
  /** Whose texts they are: projects are served in turn. */
  project: string
  /** Counting stops with the text that takes the sum above it. Default: all are counted. */
  atMost?: number
}

/**
 * Tokens of texts, in their order, as `tokenCounter` counts them: in one thread of the process, so that no text holds up the server, and
 * only once. When counting has stopped there are as many counts as texts were reached, the last one just above what was left.
 */
export async function countTexts (texts: readonly string[], { project, atMost = Infinity }: CountOptions): Promise<number[]> {
  const counts: number[] = []
  let left = atMost
  for (let from = 0; from < texts.length && left >= 0;) {
    const until = batchEnd(texts, from)
    const batch = await countBatch(texts.slice(from, until), project, left)
    for (const tokens of batch) left -= tokens
    counts.push(...batch)
    from = until
  }
  return counts
}

function batchEnd (texts: readonly string[], from: number): number {
  let characters = texts[from]!.length
  let until = from + 1
  while (until < texts.length && (characters += texts[until]!.length) <= BATCH) until++
  return until
}

const remembered = new Map<string, number>()

async function countBatch (texts: readonly string[], project: string, atMost: number): Promise<number[]> {
  const keys = texts.map(keyOf)
  const known = keys.map(key => key === undefined ? undefined : remembered.get(key))
  const unknown = texts.filter((_text, i) => known[i] === undefined)
  const counted = unknown.length === 0 ? [] : await queue.run(project, async () => await askThread(unknown, atMost))
  const counts: number[] = []
  let left = atMost
  for (const [i, key] of keys.entries()) {
    if (left < 0) break
    const tokens = known[i] ?? counted.shift()
    if (tokens === undefined) break
    left -= tokens
    counts.push(tokens)
    // The last count may be that of a text which was not read to its end.
    if (key !== undefined && left >= 0) remember(key, tokens)
  }
  return counts
}

function keyOf (text: string): string | undefined {
  return text.length < SHORTEST_REMEMBERED ? undefined : createHash('sha1').update(text).digest('base64')
}

function remember (key: string, tokens: number): void {
  remembered.delete(key)
  remembered.set(key, tokens)
  const [oldest] = remembered.keys()
  if (remembered.size > MOST_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
}

interface Thread {
  worker: Worker
  waiting: Map<number, (counts: number[] | undefined) => void>
}

/** One call at a time, so that the next project's turn comes after it. */
const queue = new FairQueue(1)
let thread: Thread | undefined
let calls = 0

async function askThread (texts: string[], atMost: number): Promise<number[]> {
  thread ??= startThread()
  const { worker, waiting } = thread
  const id = ++calls
  const counts = await new Promise<number[] | undefined>(resolve => {
    waiting.set(id, resolve)
    worker.ref()
    worker.postMessage({ id, texts, atMost } satisfies CountCall)
  })
  // A thread that has ended, for want of memory, is no reason for a run to fail.
  return counts ?? texts.map(text => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN))
}

function startThread (): Thread {
  const worker = new Worker(new URL('./token-worker.js', import.meta.url), { name: 'tokens', execArgv: WORKER_ARGUMENTS })
  const waiting: Thread['waiting'] = new Map()
  worker.on('message', ({ id, counts }: CountReply) => {
    waiting.get(id)?.(counts)
    waiting.delete(id)
    if (waiting.size === 0) worker.unref()
  })
  // An error is followed by the thread's end.
  worker.on('error', () => {})
  worker.on('exit', () => {
    thread = undefined
    for (const resolve of waiting.values()) resolve(undefined)
  })
  worker.unref()
  return { worker, waiting }
}
