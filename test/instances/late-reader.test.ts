import { test } from 'tap'
import { outline } from '../helpers/events.js'
import { startServer } from '../helpers/server.js'
import { Gate, startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { GatedStore } from '../runs/helpers/gated-store.js'
import { reaches, runnable } from './helpers/instances.js'

test('a run that ends while a reader on another instance is joining is told to its end', async t => {
  const upstream = await startUpstream(t)
  const storage = new GatedStore({ shared: true })
  const [a, b] = [await startServer(t, { upstream, storage }), await startServer(t, { upstream, storage })]
  const gate = new Gate()
  upstream.enqueue(text([gate, 'Hi.']))
  const run = await (await runnable(a)).create(a)
  await gate.reached()
  const read = storage.holdRead(({ kind }) => kind === 'run')
  const joining = b.follow(`/threads/${run.thread_id}/runs/${run.id}/stream`)
  await read.reached()
  gate.open()
  await reaches(a, run, 'completed')
  read.open()
  t.strictSame(outline(await (await joining).all()).slice(-2), ['run.completed', 'done'])
})

test('a reader that joins on another instance begins where the present stretch does, however much came before', async t => {
  const upstream = await startUpstream(t)
  const storage = new GatedStore({ shared: true })
  const [a, b] = [await startServer(t, { upstream, storage }), await startServer(t, { upstream, storage })]
  const gate = new Gate()
  upstream.enqueue(toolCalls([{ name: 'ask', arguments: { question: 'x'.repeat(600_000) }, id: 'call_1' }], { fragments: 400 }), text(['It is', gate, ' noon']))
  const { create } = await runnable(a, { tools: [{ type: 'function', function: { name: 'ask' } }] })
  const run = await reaches(a, await create(a), 'requires_action')
  const live = await a.stream(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '12' }] })
  await gate.reached()
  const joined = await b.follow(`/threads/${run.thread_id}/runs/${run.id}/stream`)
  gate.open()
  const [one, other] = await Promise.all([live.all(), joined.all()])
  t.strictSame(outline(other), outline(one))
})

test('a reader that comes back on another instance gets what follows its last event, and nothing twice', async t => {
  const upstream = await startUpstream(t)
  const storage = new GatedStore({ shared: true })
  const [a, b] = [await startServer(t, { upstream, storage }), await startServer(t, { upstream, storage })]
  const gate = new Gate()
  const tokens = Array.from({ length: 2000 }, (_, i) => ` token ${i}`)
  upstream.enqueue(text([...tokens, gate, ' last']))
  const run = await (await runnable(a)).create(a)
  await gate.reached()
  const whole = await a.follow(`/threads/${run.thread_id}/runs/${run.id}/stream`)
  const seen = []
  for await (const frame of whole) {
    seen.push(frame)
    if (frame.data?.delta?.content?.[0]?.text?.value.includes('token 1999') === true) break
  }
  const back = await b.follow(`/threads/${run.thread_id}/runs/${run.id}/stream`, { 'last-event-id': seen.at(-1)!.id! })
  gate.open()
  const rest = await back.all()
  t.equal(rest[0]!.data.delta?.content[0].text.value, ' last')
  const ids = [...seen, ...rest].map(({ id }) => Number(id!.split('-')[1]))
  t.strictSame(ids, ids.map((_, i) => i))
})
