import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { outline, withoutIds, type Frame } from '../helpers/events.js'
import { covers } from '../helpers/server.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { clientTool, outputsFor, startGatedServer, type GatedServer } from './helpers/server.js'
import { HEAD, join, joining, MESSAGE, SAID, streamOutputs, streamRun } from './helpers/streams.js'

const ask = toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }])
const tools = { tools: [clientTool('ask')] }

/** The events of a run that waits for outputs, with their ids. */
async function toldUntilOutputs (t: Test, server: GatedServer): Promise<Frame[]> {
  const run = await server.rest(await server.run(tools))
  return await (await join(t, server, run)).all()
}

test('every frame of a joined stream has an id of its own, in order, over all stretches of a run', async t => {
  const server = await startGatedServer(t, { script: [ask, text('Noon')] })
  const run = await server.run(tools)
  const first = await (await join(t, server, await server.rest(run))).all()
  await (await streamOutputs(t, server, run, outputsFor(await server.rest(run)))).all()
  const second = await (await join(t, server, run)).all()
  const [tag = ''] = first[0]!.id?.split('-') ?? []
  const all = [...first, ...second].map(({ id }) => id)
  t.strictSame(all, all.map((_id, i) => `${tag}-${i}`))
  t.ok(Number.isNaN(Number.parseFloat(tag)), 'and none that a client could take for a number')
})

test('who joins a running run reads it from its beginning, then live', async t => {
  covers(t, 'streamRun')
  const server = await startGatedServer(t)
  const gate = new Gate()
  server.upstream.enqueue(text(['Once', ' upon', gate, ' a time']))
  const creator = await streamRun(t, server)
  await creator.until('thread.message.delta')
  await gate.reached()
  const joined = await join(t, server, creator.frames[0]!.data)
  await joined.until('thread.message.in_progress')
  gate.open()
  await Promise.all([creator.all(), joined.all()])
  t.strictSame(withoutIds(joined.frames), creator.frames)
})

test('any number of readers get the same bytes, whenever they come', async t => {
  const server = await startGatedServer(t)
  const gate = new Gate()
  server.upstream.enqueue(text(['Once', gate, ' upon', ' a', ' time']))
  const creator = await streamRun(t, server)
  await gate.reached()
  const run = (await creator.next())!.data
  const early = await Promise.all(Array.from({ length: 5 }, async () => await joining(t, server, run)))
  gate.open()
  await creator.all()
  const late = await Promise.all(Array.from({ length: 5 }, async () => await joining(t, server, run)))
  const bytes = await creator.bytes
  const [first, ...others] = await Promise.all([...early, ...late].map(async response => await response.text()))
  t.equal(first?.replaceAll(/^id: .*\n/gm, ''), bytes, 'but for the ids')
  for (const other of others) t.equal(other, first)
})

test('Last-Event-ID goes on behind any event: each comes exactly once', async t => {
  const server = await startGatedServer(t, { script: [text('Once upon a time')] })
  const run = await server.run()
  const all = await (await join(t, server, run)).all()
  for (const [i, frame] of all.slice(0, -1).entries()) {
    const rest = await (await join(t, server, run, frame.id)).all()
    t.strictSame(rest, all.slice(i + 1), `behind ${frame.event}`)
  }
})

test('a reader whose connection breaks comes back to a running run and misses nothing', async t => {
  // A client that has cut a connection opens the next one at once; Fastify would wait for its first request.
  const server = await startGatedServer(t, { fastify: { forceCloseConnections: true } })
  const gate = new Gate()
  server.upstream.enqueue(text(['a', gate, 'b', gate, 'c', gate, 'd']))
  const whole = await streamRun(t, server)
  const run = (await whole.next())!.data
  const seen = []
  let last: string | undefined
  for (let visit = 0; visit < 4; visit++) {
    const connection = new AbortController()
    const reader = await join(t, server, run, last, connection.signal)
    if (visit < 3) {
      await gate.reached()
      await reader.until('thread.message.delta')
      connection.abort()
    } else {
      await reader.all()
    }
    seen.push(...reader.frames)
    last = seen.at(-1)!.id
    gate.open()
  }
  t.strictSame(withoutIds(seen), await whole.all())
})

test('who joins a run that waits for outputs gets what was told so far', async t => {
  const server = await startGatedServer(t, { script: [ask] })
  const creator = await streamRun(t, server, tools)
  const told = await creator.all()
  t.strictSame(withoutIds(await (await join(t, server, told[0]!.data)).all()), told)
})

test('who has seen that already is connected at once, and hears what follows the outputs', async t => {
  const server = await startGatedServer(t, { script: [ask, text('Noon')] })
  const told = await toldUntilOutputs(t, server)
  const waiting = await join(t, server, told[0]!.data, told.at(-1)!.id)
  const run = await server.rest(told[0]!.data)
  const answered = await streamOutputs(t, server, run, outputsFor(run))
  t.strictSame(withoutIds(await waiting.all()), await answered.all())
  t.strictSame(outline(waiting.frames), ['run.step.completed', 'run.queued', 'run.in_progress', ...SAID, 'run.completed', 'done'])
})

test('who joins after the outputs reads the stretch that they began; who names an event of the one before, its rest', async t => {
  const server = await startGatedServer(t)
  const gate = new Gate()
  server.upstream.enqueue(ask, text(['No', gate, 'on']))
  const first = await toldUntilOutputs(t, server)
  const run = await server.rest(first[0]!.data)
  const submitted = await streamOutputs(t, server, run, outputsFor(run))
  await gate.reached()
  const joined = await join(t, server, run)
  const behind = await join(t, server, run, first[2]!.id)
  gate.open()
  const second = await submitted.all()
  t.strictSame(withoutIds(await joined.all()), second)
  t.strictSame(await behind.all(), first.slice(3), 'up to its end')
  t.strictSame(await (await join(t, server, run, first.at(-1)!.id)).all(), joined.frames, 'and from there the next one')
})

test('a run that waits for outputs may be cancelled under its readers', async t => {
  const server = await startGatedServer(t, { script: [ask] })
  const told = await toldUntilOutputs(t, server)
  const waiting = await join(t, server, told[0]!.data, told.at(-1)!.id)
  await server.post(`/threads/${told[0]!.data.thread_id}/runs/${told[0]!.data.id}/cancel`)
  t.strictSame(outline(await waiting.all()), ['run.cancelling', 'run.step.cancelled', 'run.cancelled', 'done'])
})

test('a run that waits for outputs may expire under its readers', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock, script: [ask] })
  const told = await toldUntilOutputs(t, server)
  const waiting = await join(t, server, told[0]!.data, told.at(-1)!.id)
  await clock.advance(600_000)
  t.strictSame(outline(await waiting.all()), ['run.step.expired', 'run.expired', 'done'])
})

test('nothing more will come: 204 tells an EventSource to stay away', async t => {
  const server = await startGatedServer(t, { script: [text('Hi')] })
  const run = await server.run()
  const all = await (await join(t, server, run)).all()
  const response = await joining(t, server, run, all.at(-1)!.id)
  t.equal(response.status, 204)
  t.equal(await response.text(), '')
})

for (const [what, last] of [['of another log', 's00000000-3'], ['that is no id', 'latest'], ['beyond the last event', undefined]] as const) {
  test(`a Last-Event-ID ${what} does no harm`, async t => {
    const server = await startGatedServer(t, { script: [text('Hi')] })
    const run = await server.run()
    const all = await (await join(t, server, run)).all()
    const response = await joining(t, server, run, last ?? all.at(-1)!.id?.replace(/\d+$/, '99999'))
    if (last === undefined) t.equal(response.status, 204)
    else t.equal((await response.text()).match(/^event: /gm)?.length, all.length, 'the reader begins anew')
  })
}

test('an unknown run, or one of another thread, is a 404 in JSON', async t => {
  const server = await startGatedServer(t, { script: [text('Hi'), text('Hi')] })
  const run = await server.run()
  const other = await server.run()
  const answer = await server.get(`/threads/${other.thread_id}/runs/${run.id}/stream`)
  t.equal(answer.status, 404)
  t.equal(answer.body.error.message, `No run found with id '${run.id}'.`)
  t.equal((await server.get(`/threads/thread_unknown/runs/${run.id}/stream`)).body.error.message, 'No thread found with id \'thread_unknown\'.')
})

test('comments keep a silent stream alive', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock, script: [ask] })
  const gate = new Gate()
  const told = await toldUntilOutputs(t, server)
  const waiting = await join(t, server, told[0]!.data, told.at(-1)!.id)
  const running = server.upstream
  running.enqueue(text([gate, 'Noon']))
  const run = await server.rest(told[0]!.data)
  await clock.advance(45_000)
  const answered = await streamOutputs(t, server, run, outputsFor(run))
  await gate.reached()
  await clock.advance(15_000)
  gate.open()
  await Promise.all([waiting.all(), answered.all()])
  t.equal(waiting.pings, 4, 'one for every quarter of a minute')
  t.equal(answered.pings, 1)
})

test('no comment is sent in the first fifteen seconds of silence', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock })
  const gate = new Gate()
  server.upstream.enqueue(text([gate, 'Hi']))
  const stream = await streamRun(t, server)
  await gate.reached()
  await stream.until('thread.run.in_progress')
  await clock.advance(14_999)
  gate.open()
  await stream.all()
  t.equal(stream.pings, 0)
})

test('without a pause there are no comments at all', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock, streams: { heartbeatMs: 0 } })
  const gate = new Gate()
  server.upstream.enqueue(text([gate, 'Hi']))
  const stream = await streamRun(t, server)
  await gate.reached()
  await stream.until('thread.run.in_progress')
  await clock.advance(100_000)
  gate.open()
  await stream.all()
  t.equal(stream.pings, 0)
})

test('the pause between comments is an option', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock, streams: { heartbeatMs: 500 } })
  const gate = new Gate()
  server.upstream.enqueue(text([gate, 'Hi']))
  const stream = await streamRun(t, server)
  await gate.reached()
  await stream.until('thread.run.in_progress')
  await clock.advance(1000)
  gate.open()
  await stream.all()
  t.equal(stream.pings, 2)
})

test('closing the server ends its streams, joined ones too', async t => {
  const server = await startGatedServer(t)
  const gate = new Gate()
  server.upstream.enqueue(text(['Hi', gate]))
  const stream = await streamRun(t, server)
  await stream.until('thread.message.delta')
  const joined = await join(t, server, stream.frames[0]!.data)
  await joined.until('thread.message.delta')
  await server.close()
  t.strictSame(outline(await stream.all()), [...HEAD, ...MESSAGE, 'error', 'done'])
  t.strictSame(outline(await joined.all()), [...HEAD, ...MESSAGE], 'who can resume does so')
})
