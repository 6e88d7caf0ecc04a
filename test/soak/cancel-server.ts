import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Fastify from 'fastify'
import openaiCompat from '../../lib/plugin.js'
import { ManualClock } from '../helpers/clock.js'

/** What a process holds on to, after everything that can go has gone. */
export interface Holdings {
  heapBytes: number
  rssBytes: number
  /** Sockets, timers and the like that keep the event loop going. */
  handles: string[]
  /** Timers of the engine, which keep nothing going. */
  timers: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

// A child process: the server under test, alone with its memory. Its clock stands still but for what it is asked to forget.
const [, , upstreamURL = '', storage = ''] = process.argv
const clock = new ManualClock(Date.now())
const app = Fastify()
await app.register(openaiCompat, { prefix: '/v1', provider: { baseURL: upstreamURL, maxRetries: 0 }, storage, clock })
await app.listen({ port: 0, host: '127.0.0.1' })

async function holdings (): Promise<Holdings> {
  // The events of runs that have ended are kept for a minute.
  await clock.advance(60_000)
  for (let i = 0; i < 5; i++) {
    await new Promise(resolve => setImmediate(resolve))
    collectGarbage()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heapBytes: heapUsed + external, rssBytes: rss, handles: process.getActiveResourcesInfo(), timers: clock.pending }
}

async function obey (message: unknown): Promise<void> {
  if (message === 'measure') process.send?.(await holdings())
  if (message === 'close') {
    await app.close()
    process.disconnect()
  }
}

process.on('message', message => {
  obey(message).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.send?.((app.server.address() as AddressInfo).port)
