import { test } from 'tap'
import { error, Gate, text } from '../helpers/upstream.js'
import { restingRun, startRun, told, until } from './helpers/core.js'
import { Lives } from './helpers/lifetime.js'

/** A vendor that says one word and no more. Each call of what it returns waits for one more request to get stuck there. */
function stuckAfter (lives: Lives, word: string): () => Promise<Gate> {
  const gates: Gate[] = []
  lives.upstream.respond(() => {
    const gate = new Gate()
    gates.push(gate)
    return text([word, gate, '!'])
  })
  return async () => {
    await lives.upstream.next()
    const gate = gates.at(-1)!
    await gate.reached()
    return gate
  }
}

test('a run that kills its process again and again is given up', async t => {
  const lives = await Lives.begin(t, { limits: { maxTakeovers: 2 } })
  const stuck = stuckAfter(lives, 'Boom')
  const { run } = await startRun(await lives.start())
  for (let death = 1; death <= 3; death++) {
    await stuck()
    await until(async () => (await lives.core.messages.list(run.thread_id, {})).data.length === 2)
    await lives.crash()
    await lives.start()
  }
  const failed = await restingRun(lives.core, run)
  t.equal(failed.status, 'failed')
  t.equal(failed.last_error?.code, 'server_error')
  t.match(failed.last_error?.message, /interrupted 3 times/)
  t.equal(lives.upstream.chats.length, 3, 'it was tried once, and twice more')
  const { data: messages } = await lives.core.messages.list(run.thread_id, {})
  t.strictSame(messages.map(({ role, status, incomplete_details: details }) => [role, status, details?.reason]), [['assistant', 'incomplete', 'run_failed'], ['user', 'completed', undefined]])
  t.equal((await lives.core.messages.create(run.thread_id, { role: 'user', content: 'Free?' })).object, 'thread.message')
})

test('a run that is handed over in good order is never given up', async t => {
  const lives = await Lives.begin(t, { limits: { maxTakeovers: 1 } })
  const stuck = stuckAfter(lives, 'Hi')
  const { run } = await startRun(await lives.start())
  for (let life = 0; life < 4; life++) {
    await stuck()
    await lives.stop()
    await lives.start()
  }
  const gate = await stuck()
  gate.open()
  t.equal((await restingRun(lives.core, run)).status, 'completed')
})

test('a run that fails in its second life leaves nothing half-written', async t => {
  const gate = new Gate()
  const lives = await Lives.begin(t, { script: [text(['Once', gate, ' upon']), error(400, 'No more.')] })
  const { run, log } = await startRun(await lives.start())
  await told(log, 'thread.message.delta')
  await lives.crash()
  const again = await lives.start()
  t.equal((await restingRun(again, run)).status, 'failed')
  const { data: messages } = await again.messages.list(run.thread_id, {})
  t.strictSame(messages.map(({ role, status }) => [role, status]), [['assistant', 'incomplete'], ['user', 'completed']])
  t.strictSame((await again.runs.listSteps(run.thread_id, run.id, {})).data.map(({ status }) => status), ['failed'])
})

test('many runs that were left behind all go on', async t => {
  const lives = await Lives.begin(t)
  const gate = new Gate()
  lives.upstream.respond(() => text([gate, 'Hi']))
  const core = await lives.start()
  const runs = await Promise.all(Array.from({ length: 150 }, async () => (await startRun(core)).run))
  while (lives.upstream.chats.length < runs.length) await lives.upstream.next()
  await lives.crash()
  gate.open(Infinity)
  const again = await lives.start()
  for (const run of runs) t.equal((await restingRun(again, run)).status, 'completed')
})
