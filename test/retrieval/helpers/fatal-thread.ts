/** The thread that reads documents, and what no thread survives for documents that name it: `leap`, `abort`, `kill`, `grow`,
 * `hang`. */
import { parentPort } from 'node:worker_threads'
import '../../../lib/retrieval/document-worker.js'

const held: unknown[] = []

const FATAL: Record<string, () => void> = {
  /** More of the heap in one step than the limit has left: V8 ends the process. */
  leap: () => { held.length = new Array<number>(50_000_000).fill(0).length },
  abort: () => { process.kill(process.pid, 'SIGABRT') },
  /** As the system does when memory is short. */
  kill: () => { process.kill(process.pid, 'SIGKILL') },
  /** Outside of the heap, and of the arrays that are bounded. */
  grow () {
    for (;;) held.push(new Float64Array(2_000_000).fill(1))
  },
  hang () {
    for (;;);
  }
}

parentPort!.on('message', (message: { job?: { bytes: Uint8Array } }) => {
  if (message.job !== undefined) FATAL[Buffer.from(message.job.bytes).toString('latin1', 0, 10)]?.()
})
