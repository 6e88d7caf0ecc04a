import { test } from 'tap'
import { newAssistant, startServer } from '../helpers/server.js'
import { Random } from './helpers/random.js'
import { anyReply, Schedule } from './helpers/schedule.js'
import { clientTool } from './helpers/server.js'

const SCHEDULES = 100
/** Set SEED to the one that a failure names to begin with that schedule. */
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

for (const lockMode of ['reject', 'wait'] as const) {
  test(`${SCHEDULES} random schedules of three clients on one thread, lockMode ${lockMode}, from seed ${SEED}`, async t => {
    const replies = new Random(SEED)
    // Nobody answers while all clients wait: the wait has to be short.
    const server = await startServer(t, { lockMode, limits: { lockWaitMs: 20 }, ...process.env.TEST_STORE === undefined ? { storage: 'memory:' } : {}, tools: [{ name: 'add', parameters: { type: 'object' }, execute: () => 3 }] })
    server.upstream.respond(() => anyReply(replies))
    const assistant = await newAssistant(server, { tools: [clientTool('ask')] })
    for (let i = 0; i < SCHEDULES; i++) {
      const seed = SEED + i
      try {
        await new Schedule(server.baseURL, assistant.id, new Random(seed)).run()
      } catch (problem) {
        t.fail(`schedule with seed ${seed}: ${(problem as Error).message}`)
        return
      }
    }
    t.pass(`${server.upstream.chats.length} model calls`)
  })
}
