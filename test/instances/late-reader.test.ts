import { test } from 'tap'
import { outline } from '../helpers/events.js'
import { startServer } from '../helpers/server.js'
import { Gate, startUpstream, text } from '../helpers/upstream.js'
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
