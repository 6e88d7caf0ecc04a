import { test, type Test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { covers, newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { error, Gate, gated, text, toolCalls } from '../helpers/upstream.js'

const message = { role: 'user', content: 'One more thing' }

/** A thread whose run waits at a gate, before the model says a word. */
async function busy (t: Test, ...more: Parameters<TestServer['upstream']['enqueue']>) {
  const gate = new Gate()
  const server = await startServer(t, { script: [gated(text('Hi.'), gate), ...more] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  await gate.reached()
  return { server, gate, assistant, thread, run, path: `/threads/${thread.id}` }
}

const everything = async (server: TestServer, path: string): Promise<unknown[]> =>
  await Promise.all(['', '/messages', '/runs'].map(async part => (await server.get(path + part)).body))

for (const sdk of sdks) {
  test(`${sdk.name}: a thread with an active run takes neither messages nor runs`, async t => {
    covers(t, 'createMessage', 'createRun')
    const { server, gate, assistant, thread, run } = await busy(t)
    const { threads } = server.client(sdk).beta
    await t.rejects(threads.messages.create(thread.id, { role: 'user', content: 'x' }),
      { status: 400, message: `400 Can't add messages to ${thread.id} while a run ${run.id} is active.` })
    await t.rejects(threads.runs.create(thread.id, { assistant_id: assistant.id }),
      { status: 400, message: `400 Thread ${thread.id} already has an active run ${run.id}.` })
    await t.rejects(threads.runs.stream(thread.id, { assistant_id: assistant.id }).finalRun(),
      { status: 400, message: `400 Thread ${thread.id} already has an active run ${run.id}.` })
    gate.open(Infinity)
    t.equal((await stopped(server, run)).status, 'completed')
    t.equal((await threads.messages.create(thread.id, { role: 'user', content: 'x' })).status, 'completed')
  })
}

test('the refusals are plain 400s, and leave nothing half-written', async t => {
  const { server, gate, assistant, thread, run, path } = await busy(t)
  const before = await everything(server, path)
  const shape = { type: 'invalid_request_error', param: null, code: null }
  t.match(await server.post(`${path}/messages`, message), { status: 400, body: { error: { ...shape, message: `Can't add messages to ${thread.id} while a run ${run.id} is active.` } } })
  for (const stream of [false, true]) {
    t.match(await server.post(`${path}/runs`, { assistant_id: assistant.id, additional_messages: [message], stream }),
      { status: 400, body: { error: { ...shape, message: `Thread ${thread.id} already has an active run ${run.id}.` } } })
  }
  t.strictSame(await everything(server, path), before)
  t.equal(server.upstream.chats.length, 1)
  gate.open(Infinity)
  await stopped(server, run)
})

test('a run that waits for outputs, and one that is being cancelled, still hold the thread', async t => {
  const { server, gate, assistant, thread, run, path } = await busy(t, toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }]))
  gate.open(Infinity)
  await stopped(server, run)
  const { body: second } = await server.post(`${path}/runs`, { assistant_id: assistant.id, tools: [{ type: 'function', function: { name: 'f' } }] })
  t.equal((await stopped(server, second)).status, 'requires_action')
  t.match(await server.post(`${path}/messages`, message), { status: 400, body: { error: { message: `Can't add messages to ${thread.id} while a run ${second.id} is active.` } } })
  t.match(await server.post(`${path}/runs`, { assistant_id: assistant.id }), { status: 400 })
  await server.post(`${path}/runs/${second.id}/cancel`)
  await stopped(server, second)
  t.equal((await server.post(`${path}/messages`, message)).status, 200)
})

test('other changes of a thread do not wait for its run', async t => {
  const { server, gate, thread, run, path } = await busy(t)
  const [first] = (await server.get(`${path}/messages`)).body.data
  t.equal((await server.post(path, { metadata: { a: 'b' } })).status, 200)
  t.equal((await server.post(`${path}/messages/${first.id}`, { metadata: { c: 'd' } })).status, 200)
  t.equal((await server.delete(`${path}/messages/${first.id}`)).status, 200)
  gate.open(Infinity)
  t.equal((await stopped(server, run)).status, 'completed')
  t.match((await server.get(`/threads/${thread.id}`)).body.metadata, { a: 'b' })
})

test('of runs created at the same time one begins and the others are refused', async t => {
  const gate = new Gate()
  const server = await startServer(t, { script: [gated(text('Hi.'), gate)] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const answers = await Promise.all(Array.from({ length: 8 }, async (_, n) =>
    await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, additional_messages: [{ role: 'user', content: `${n}` }] })))
  const [won, ...rest] = answers.filter(({ status }) => status === 200)
  t.strictSame(rest, [])
  const refused = answers.filter(({ status }) => status === 400)
  t.equal(refused.length, 7)
  for (const { body } of refused) t.equal(body.error.message, `Thread ${thread.id} already has an active run ${won!.body.id}.`)
  t.equal((await server.get(`/threads/${thread.id}/runs`)).body.data.length, 1)
  t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data.length, 2, 'the first message, and that of the run that began')
  gate.open(Infinity)
  t.equal((await stopped(server, won!.body)).status, 'completed')
})

test('messages posted at the same time are all kept, each once', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const names = Array.from({ length: 20 }, (_, n) => `${n}`)
  const answers = await Promise.all(names.map(async content => await server.post(`/threads/${thread.id}/messages`, { role: 'user', content })))
  t.strictSame(answers.map(({ status }) => status), names.map(() => 200))
  const { data } = (await server.get(`/threads/${thread.id}/messages?limit=100`)).body
  t.strictSame(data.map((each: any) => each.content[0].text.value).sort(), names.sort())
})

test('a run that fails sets the thread free', async t => {
  const server = await startServer(t, { script: [error(500), text('Hi.')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  for (const status of ['failed', 'completed']) {
    const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    t.equal((await stopped(server, run)).status, status)
  }
})

test('a thread deleted under its run takes it along, and the stream ends', async t => {
  const gate = new Gate()
  const server = await startServer(t, { script: [gated(text('one two'), gate)] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  gate.open()
  await stream.until('thread.message.delta')
  t.equal((await server.delete(`/threads/${thread.id}`)).status, 200)
  await (await server.upstream.next()).aborted
  await stream.all()
  t.match(stream.frames.slice(-2), [{ event: 'error', data: { code: 'stream_interrupted' } }, { event: 'done' }])
  t.equal((await server.get(`/threads/${thread.id}`)).status, 404)
})
