import { test } from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ManualClock } from '../helpers/clock.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { eventsOf, settle, startCore, startRun } from '../runs/helpers/core.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('the events of a run that has ended are forgotten after their time', async t => {
  const clock = new ManualClock()
  const core = await startCore(t, { clock, tools: [{ name: 'add', parameters: { type: 'object' }, execute: () => 3 }] })
  core.upstream.respond(({ body }) => body.messages.at(-1).role === 'tool' ? text('Three') : toolCalls([{ name: 'add', arguments: {} }]))
  const logs: WeakRef<object>[] = []
  for (let i = 0; i < 20; i++) {
    const { log } = await startRun(core)
    await eventsOf(log, 0)
    logs.push(new WeakRef(log))
  }
  const kept = async (): Promise<number> => {
    await settle()
    collectGarbage()
    return logs.filter(log => log.deref() !== undefined).length
  }
  t.equal(await kept(), 20, 'readers may come late')
  await clock.advance(60_000)
  // The last one may still be on the stack.
  const left = await kept()
  t.ok(left <= 1, `${left} of 20 are kept`)
})
