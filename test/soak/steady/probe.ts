/** Preloaded into the server: tells its parent what it holds, after the garbage is gone. */
import { readdirSync } from 'node:fs'

export interface Held {
  /** Bytes of live objects. */
  heap: number
  /** Resident bytes. */
  rss: number
  /** Sockets, timers, files and so on that Node keeps open. */
  handles: number
  /** Of the process, by the system's count; 0 where it does not tell. */
  descriptors: number
}

function descriptors (): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

process.on('message', () => {
  global.gc?.()
  const { heapUsed: heap, rss } = process.memoryUsage()
  process.send?.({ heap, rss, handles: process.getActiveResourcesInfo().length, descriptors: descriptors() } satisfies Held)
})
process.channel?.unref()
