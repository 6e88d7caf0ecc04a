/**
 * The process in which documents are read, one at a time: requests and answers are frames on file descriptor 3. It only passes them on to a
 * thread of its own, so that it stays awake: it sees how much memory is taken, and that the server is gone.
 */
import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { DocumentJob, DocumentWorkerData, FromDocumentProcess, ToDocumentProcess } from './document-worker.js'
import { readFrames, sendFrame } from './frames.js'

/** What the process is given: limits of the thread, and of all that it takes. */
export interface DocumentMainData extends DocumentWorkerData {
  /** The module of the thread. */
  thread: string
  memoryMb: number
  maxResidentBytes: number
}

const CHANNEL = 3
const LOOK_MS = 100
/** A frame of the server is a document, which was measured before it was loaded. */
const MAX_FRAME_BYTES = 2 ** 32

const { thread, memoryMb, maxResidentBytes, ...workerData } = JSON.parse(process.argv[2] ?? '') as DocumentMainData

// Ends when the server says so or is gone: a signal to the whole group is for the server, which first gives back what it has begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
try {
  // Where memory is short, the system ends this process and not the server.
  writeFileSync('/proc/self/oom_score_adj', '1000')
} catch {
  // Linux alone has it.
}

/** At once, whatever the thread is doing. */
const end = (): void => { process.kill(process.pid, 'SIGKILL') }
const channel = new Socket({ fd: CHANNEL })
channel.on('error', end).on('close', end)

const encoder = new TextEncoder()
const send = (message: FromDocumentProcess, sent?: () => void): void => sendFrame(channel, encoder.encode(JSON.stringify(message)), sent)

let hasFailed = false
/** The last that is sent: the server then ends this process. */
function fail (ended: 'memory' | 'error', message: string): void {
  if (hasFailed) return
  hasFailed = true
  send({ ended, message: message.slice(0, 1000) }, end)
}

const worker = new Worker(new URL(thread), {
  name: 'documents',
  workerData,
  // What a library prints about a broken document is no affair of the server's own output.
  stdout: true,
  stderr: true,
  resourceLimits: { maxOldGenerationSizeMb: memoryMb, stackSizeMb: 4 }
})
worker.stdout.resume()
worker.stderr.resume()
worker.on('message', (answer: Uint8Array) => { if (!hasFailed) sendFrame(channel, answer) })
worker.on('error', (error: NodeJS.ErrnoException) => fail(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'error', String(error)))
worker.on('exit', code => fail('error', `the thread ended with ${code}`))

setInterval(() => {
  if (process.memoryUsage.rss() > maxResidentBytes) fail('memory', `the process took more than ${maxResidentBytes} bytes`)
}, LOOK_MS)

/** The job whose document comes next. */
let job: Omit<DocumentJob, 'bytes'> | undefined

readFrames(channel, {
  maxBytes: MAX_FRAME_BYTES,
  onTooLarge: end,
  onFrame (bytes) {
    if (job === undefined) {
      const message = JSON.parse(Buffer.from(bytes.buffer).toString()) as ToDocumentProcess
      if ('job' in message) job = message.job
      else worker.postMessage(message)
      return
    }
    worker.postMessage({ job: { ...job, bytes } satisfies DocumentJob }, [bytes.buffer])
    job = undefined
    send({ begun: true })
  }
})
