import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { outline, type Frame } from '../helpers/events.js'
import { startServer } from '../helpers/server.js'
import { sdks } from '../helpers/sdk.js'
import { error, Gate, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'
import { clientTool, outputsFor, pathOf, startGatedServer, type GatedServer } from './helpers/server.js'
import { consume, join, joining, streamOutputs, streamRun } from './helpers/streams.js'

const RETENTION_MS = 60_000
const tools = { tools: [clientTool('ask')] }
const ask = toolCalls([{ name: 'ask', arguments: { what: 'time' }, id: 'call_1' }, { name: 'ask', arguments: { what: 'place' }, id: 'call_2' }])

interface Scene {
  server: GatedServer
  clock: ManualClock
  gate: Gate
}

/** How a run came to its end, and the stretches that were told live. */
const STORIES: Record<string, { script: (gate: Gate) => UpstreamReply[], tell: (scene: Scene, frames: readonly Frame[]) => Promise<void> }> = {
  'said something': { script: () => [text('Hello you')], tell: async () => {} },
  'said nothing': { script: () => [text([], { finish: 'stop' })], tell: async () => {} },
  'was cut off': { script: () => [text('Hello', { finish: 'length' })], tell: async () => {} },
  'failed at once': { script: () => [error(500)], tell: async () => {} },
  'failed in the middle': { script: () => [{ ...text('Hello you'), finish: null, done: false }], tell: async () => {} },
  'was cancelled in the middle': {
    script: gate => [text(['Hello', gate, ' you'])],
    async tell ({ server, gate }, [first]) {
      await gate.reached()
      await server.post(`${pathOf(first!.data)}/cancel`)
    }
  },
  'expired in the middle': {
    script: gate => [text(['Hello', gate, ' you'])],
    async tell ({ clock, gate }) {
      await gate.reached()
      await clock.advance(600_000)
    }
  }
}

async function told (t: Test, story: string): Promise<Scene & { run: any, live: readonly Frame[] }> {
  const gate = new Gate()
  const { script, tell } = STORIES[story]!
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock, script: script(gate) })
  const stream = await streamRun(t, server)
  await stream.until('thread.run.in_progress')
  if (story.endsWith('middle') && story !== 'failed in the middle') await stream.until('thread.message.delta')
  await tell({ server, clock, gate }, stream.frames)
  await stream.all()
  const run = await server.rest(stream.frames[0]!.data)
  const live = await (await join(t, server, run)).all()
  await clock.advance(RETENTION_MS)
  return { server, clock, gate, run, live }
}

/** What a reader is left with: the last payload of each object, and all words and arguments. */
function sum (frames: readonly Frame[]): unknown {
  const last = new Map(frames.filter(({ event }) => !/created|delta|done/.test(event)).map(({ data }) => [data.id, data]))
  return [...last.values()]
}

for (const story of Object.keys(STORIES)) {
  test(`a run that ${story} is told from its records as it was told live`, async t => {
    const { server, run, live } = await told(t, story)
    const replayed = await (await join(t, server, run)).all()
    // An answer without a word has no delta when it is told live.
    const silent = story === 'said nothing'
    t.strictSame(outline(replayed).filter(name => !silent || name !== 'message.delta'), outline(live))
    t.strictSame(sum(replayed), sum(live))
    t.not(replayed[0]!.id, live[0]!.id, 'under ids of its own')
  })

  test(`the SDKs' stream helpers read the replay of a run that ${story}`, async t => {
    const { server, run } = await told(t, story)
    const bytes = await (await joining(t, server, run)).text()
    for (const sdk of run.status === 'incomplete' ? sdks.slice(1) : sdks) t.strictSame((await consume(sdk, bytes)).run, run, sdk.name)
  })
}

test('every reader of a replay gets the same bytes, may go on where it stopped, and learns when it is over', async t => {
  const { server, run } = await told(t, 'said something')
  const all = await (await join(t, server, run)).all()
  t.equal(await (await joining(t, server, run)).text(), await (await joining(t, server, run)).text())
  for (const [i, frame] of all.slice(0, -1).entries()) t.strictSame(await (await join(t, server, run, frame.id)).all(), all.slice(i + 1), `behind ${frame.event}`)
  t.equal((await joining(t, server, run, all.at(-1)!.id)).status, 204)
})

test('a reader of the live stream who comes back to a replay gets all of it once, then 204', async t => {
  const { server, run, live } = await told(t, 'said something')
  const replayed = await (await join(t, server, run, live.at(-1)!.id)).all()
  t.strictSame(outline(replayed), outline(live))
  t.equal((await joining(t, server, run, replayed.at(-1)!.id)).status, 204)
})

test('the replay of a run with tools has both its stretches in one', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock, script: [ask, text('Noon, here')] })
  const first = await streamRun(t, server, tools)
  await first.all()
  const asked = await server.rest(first.frames[0]!.data)
  const second = await streamOutputs(t, server, asked, outputsFor(asked))
  await second.all()
  await clock.advance(RETENTION_MS)
  const run = await server.look(asked)
  const replayed = await (await join(t, server, run)).all()
  const rests = ['run.requires_action', 'done', 'run.queued']
  const live = [...outline(first.frames), ...outline(second.frames).filter(name => name !== 'run.in_progress' && name !== 'done'), 'done']
  t.strictSame(outline(replayed), [...live.slice(0, -1).filter((name, i) => i < 2 || !rests.includes(name)), 'done'])
  const bytes = await (await joining(t, server, run)).text()
  for (const sdk of sdks) {
    const consumed = await consume(sdk, bytes)
    t.strictSame(consumed.run, run, sdk.name)
    t.strictSame(consumed.steps.map(step => step.step_details.tool_calls?.map((call: any) => [call.id, call.function.name, call.function.arguments, call.function.output])), [
      [['call_1', 'ask', '{"what":"time"}', 'ok'], ['call_2', 'ask', '{"what":"place"}', 'ok']], undefined
    ], sdk.name)
  }
})

test('a run that waits for outputs is told from its records after a restart', async t => {
  const server = await startGatedServer(t, { script: [ask] })
  const live = await streamRun(t, server, tools)
  await live.all()
  await server.close()
  const again = await startServer(t, { storage: server.store, upstream: server.upstream })
  const run = live.frames[0]!.data
  const replayed = await (await join(t, again, run)).all()
  t.strictSame(outline(replayed), outline(live.frames))
  t.strictSame(sum(replayed), sum(live.frames))
  const bytes = await (await joining(t, again, run)).text()
  for (const sdk of sdks) t.equal((await consume(sdk, bytes)).run.status, 'requires_action', sdk.name)
})

test('a message that was deleted since is left out', async t => {
  const { server, run } = await told(t, 'said something')
  const { body } = await server.get(`/threads/${run.thread_id}/messages`)
  await server.delete(`/threads/${run.thread_id}/messages/${body.data[0].id}`)
  const frames = await (await join(t, server, run)).all()
  t.strictSame(outline(frames).slice(-2), ['run.completed', 'done'])
  t.notOk(outline(frames).some(name => name.startsWith('message')))
})
