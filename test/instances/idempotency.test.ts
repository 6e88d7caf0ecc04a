import { test, type Test } from 'tap'
import { KIND } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import type { WriteItem } from '../../storage/record-store.js'
import { ManualClock } from '../helpers/clock.js'
import { newThread, startServer, type TestServer } from '../helpers/server.js'
import { newestSdk } from '../helpers/sdk.js'
import { persistentStores, sharedStores } from '../helpers/stores.js'
import { Gate, http, text, toolCalls } from '../helpers/upstream.js'
import { ProcessView } from '../runs/helpers/process-view.js'
import { counting } from '../vector-stores/helpers/counting.js'
import { messagesOf, reaches, runnable, textOf } from './helpers/instances.js'

const DAY_MS = 24 * 60 * 60 * 1000
const ask = { type: 'function', function: { name: 'ask' } }
let keys = 0
const newKey = (): { 'idempotency-key': string } => ({ 'idempotency-key': `key ${++keys}/ä` })

for (const store of persistentStores) {
  const isShared = sharedStores.includes(store)
  /** One server, and the one that gets the repetitions: another instance where the store can be shared. */
  const pair = async (t: Test, options: Parameters<typeof startServer>[1] = {}): Promise<[TestServer, TestServer]> => {
    const first = await startServer(t, { storage: store.url(t), ...options })
    const { storage, upstream } = first
    return [first, isShared ? await startServer(t, { ...options, storage, upstream }) : first]
  }

  test(store.name, { skip: await store.skip() }, async t => {
    t.test('a repeated POST gets the answer of the first one, and does nothing', async t => {
      const [a, b] = await pair(t, { script: [text('Hi.')] })
      const key = newKey()
      const thread = await a.post('/threads', { metadata: { a: 'b' } }, key)
      const again = await b.post('/threads', { metadata: { a: 'b' } }, key)
      t.strictSame([again.status, again.body, again.headers.get('idempotent-replayed')], [thread.status, thread.body, 'true'])
      t.equal(thread.headers.get('idempotent-replayed'), null)

      const message = newKey()
      const path = `/threads/${thread.body.id}/messages`
      const both = await Promise.all([a, b, a, b].map(async server => await server.post(path, { role: 'user', content: 'Hello?' }, message)))
      t.strictSame(both.map(({ status, body }) => [status, body]), Array(4).fill([200, both[0]!.body]))
      t.equal((await messagesOf(a, thread.body.id)).length, 1)

      const { assistant } = await runnable(a)
      const runKey = newKey()
      const run = await a.post(`/threads/${thread.body.id}/runs`, { assistant_id: assistant.id }, runKey)
      await reaches(a, run.body, 'completed')
      t.strictSame((await b.post(`/threads/${thread.body.id}/runs`, { assistant_id: assistant.id }, runKey)).body, run.body)
      t.equal(a.upstream.chats.length, 1)

      const removal = newKey()
      t.equal((await a.delete(`${path}/${both[0]!.body.id}`, removal)).status, 200)
      t.equal((await b.delete(`${path}/${both[0]!.body.id}`, removal)).status, 404, 'only a POST has keys')
    })

    t.test('a form is carried out once, too', async t => {
      const [a, b] = await pair(t)
      const key = newKey()
      const send = async (server: TestServer, content: string): Promise<any> => {
        const form = new FormData()
        form.set('purpose', 'assistants')
        form.set('file', new File([content], 'a.txt'))
        // The boundary is random: of a form only the length is known.
        return await (await fetch(`${server.baseURL}/files`, { method: 'POST', body: form, headers: key })).json()
      }
      const file = await send(a, 'one')
      t.equal(file.object, 'file')
      t.strictSame(await send(b, 'one'), file)
      t.equal((await a.get('/files')).body.data.length, 1)
      t.match(await send(b, 'another'), { error: { code: 'idempotency_key_reused' } })
    })

    t.test('a repeated stream is the same stream, while the run goes on and when it has ended', async t => {
      const gate = new Gate()
      const [a, b] = await pair(t, { script: [toolCalls([{ name: 'ask', arguments: {} }]), text(['It is', gate, ' noon'])] })
      const { assistant, thread } = await runnable(a, { tools: [ask] })
      const creation = newKey()
      const first = await (await a.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }, creation)).all()
      const run = first.find(({ event }) => event === 'thread.run.created')!.data
      // Deltas that were joined in the records come as one.
      const shown = (frames: typeof first): string[] => frames.map(({ event }) => event).filter((event, i, all) => !(event.endsWith('.delta') && event === all[i - 1]))
      t.strictSame(shown(await (await b.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }, creation)).all()), shown(first))

      const { required_action: { submit_tool_outputs: { tool_calls: [call] } } } = (await a.get(`/threads/${thread.id}/runs/${run.id}`)).body
      const submission = newKey()
      const submit = async (server: TestServer) => await server.stream(`/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: call.id, output: '12' }] }, submission)
      const live = await submit(a)
      await gate.reached()
      const repeated = await submit(b)
      gate.open()
      const [one, other] = await Promise.all([live.all(), repeated.all()])
      t.strictSame(other, one)
      const late = await (await submit(b)).all()
      t.strictSame(shown(late), shown(one))
      t.equal(a.upstream.chats.length, 2)
    })

    t.test('a key belongs to one request of one project, for a day', async t => {
      const clock = new ManualClock()
      const [a, b] = await pair(t, { clock, apiKeys: [{ key: 'sk-a', project: 'a' }, { key: 'sk-b', project: 'b' }] })
      const key = newKey()
      const create = async (server: TestServer, project: string, body: object = {}): Promise<{ status: number, body: any }> =>
        await server.post('/threads', body, { ...key, authorization: `Bearer sk-${project}` })
      const ofA = await create(a, 'a')
      const ofB = await create(b, 'b')
      t.not(ofA.body.id, ofB.body.id)
      t.match(await create(b, 'a', { metadata: { other: 'yes' } }), { status: 400, body: { error: { type: 'invalid_request_error', code: 'idempotency_key_reused' } } })
      await clock.leap(DAY_MS - 1)
      t.equal((await create(b, 'a')).body.id, ofA.body.id)
      await clock.leap(DAY_MS)
      t.not((await create(b, 'a')).body.id, ofA.body.id)
    })

    t.test('a refused or failed request is carried out when it is repeated', async t => {
      const [a, b] = await pair(t, { script: [http(400, { error: { message: 'No.' } })] })
      const key = newKey()
      const { assistant, thread } = await runnable(a)
      await a.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'x' })
      t.equal((await a.post('/assistants', {}, key)).status, 400)
      const run = { assistant_id: 'asst_unknown' }
      t.equal((await b.post(`/threads/${thread.id}/runs`, run, newKey())).status, 404)
      t.equal((await b.post('/assistants', { model: 'm' }, key)).status, 200, 'the key was not used up')
      t.match(await a.post('/assistants', { model: 'm' }, { 'idempotency-key': 'x'.repeat(256) }), { status: 400, body: { error: { code: 'invalid_idempotency_key' } } })
      t.ok(assistant.id)
    })
  })
}

test('nothing of answers that are too old stays in the store', async t => {
  const clock = new ManualClock()
  const storage = new (counting(MemoryRecordStore))()
  const server = await startServer(t, { clock, storage })
  for (let day = 0; day < 5; day++) {
    for (let i = 0; i < 3; i++) await newThread(server)
    for (let i = 0; i < 3; i++) t.equal((await server.post('/threads', {}, newKey())).status, 200)
    await clock.leap(DAY_MS)
  }
  t.equal(storage.count(KIND.idempotentAnswer), 6)
})

test('a repetition waits for the answer of the first, and is sent away when that takes long', async t => {
  const clock = new ManualClock()
  const gates: Gate[] = []
  const server = await startServer(t, {
    clock,
    // Behind the handler: what was asked is done, and the answer is not out yet.
    prepare: app => app.addHook('preSerialization', async (_request, _reply, payload) => {
      await gates.shift()?.pass()
      return payload
    })
  })
  const gate = new Gate()
  gates.push(gate)
  const key = newKey()
  const first = server.post('/threads', {}, key)
  await gate.reached()

  const second = server.post('/threads', {}, key)
  while (clock.now() < 1_700_000_010_000) await clock.advance(await clock.armed(ms => ms <= 500))
  const answer = await second
  t.match(answer, { status: 409, body: { error: { code: 'idempotency_key_in_use' } } })
  t.strictSame([answer.headers.get('x-should-retry'), answer.headers.get('retry-after')], ['true', '1'])

  const third = server.post('/threads', {}, key)
  const look = await clock.armed(ms => ms <= 500)
  gate.open()
  const { body } = await first
  await clock.advance(look)
  t.strictSame((await third).body, body)

  const lost = new Gate()
  gates.push(lost)
  const other = newKey()
  const never = server.post('/threads', {}, other)
  await lost.reached()
  await clock.advance(10 * 60_000 + 1)
  const unknown = await server.post('/threads', {}, other)
  t.match(unknown, { status: 409, body: { error: { code: 'idempotency_outcome_unknown' } } })
  t.equal(unknown.headers.get('x-should-retry'), 'false')
  lost.open()
  await never
})

test('the retry of an official client after a lost answer makes nothing twice', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  let lost = 0
  const client = server.client(newestSdk, {
    maxRetries: 2,
    fetch: async (url: any, init: any) => {
      const response = await fetch(url, init)
      if (!/^post$/i.test(init.method) || lost++ > 0) return response
      await response.text()
      throw new TypeError('the connection was lost')
    }
  } as any)
  const message = await client.beta.threads.messages.create(thread.id, { role: 'user', content: 'Hello?' }, { headers: newKey() })
  t.equal(lost, 2)
  t.strictSame((await messagesOf(server, thread.id)).map(({ id }) => id), [message.id])
})

test('a request that ended in a 503, and may have been carried out, is not carried out again by its repetition', async t => {
  const store = new MemoryRecordStore()
  const view = new ProcessView(store, { shared: true })
  const server = await startServer(t, { storage: view, mayLogErrors: true, script: [toolCalls([{ name: 'ask', arguments: {} }]), text('Noon.')] })
  const { create, thread } = await runnable(server, { tools: [ask] })
  const path = `/threads/${thread.id}/messages`
  const puts = (kind: string) => (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'put' && item.kind === kind)
  /** Carried out so late that the server has given it up. */
  const late = (kind: string): Gate => {
    const gate = new Gate()
    view.loseAnswer(puts(kind), gate)
    // The server's own second try.
    view.loseAnswer(puts(kind), gate)
    return gate
  }
  const unknown = { status: 409, body: { error: { code: 'idempotency_outcome_unknown' } } }

  const [key, message] = [newKey(), { role: 'user', content: 'Once?' }]
  const gate = late(KIND.message)
  t.equal((await server.post(path, message, key)).status, 503)
  const again = await server.post(path, message, key)
  t.match(again, unknown)
  t.equal(again.headers.get('x-should-retry'), 'false')
  gate.open(Infinity)
  t.strictSame((await messagesOf(server, thread.id)).map(textOf), ['Hello?', 'Once?'])

  const run = await reaches(server, await create(server), 'requires_action')
  const outputs = { tool_outputs: [{ tool_call_id: run.required_action.submit_tool_outputs.tool_calls[0].id, output: 'Noon' }] }
  const submit = `/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`
  const outputsKey = newKey()
  const taken = late(KIND.run)
  t.equal((await server.post(submit, outputs, outputsKey)).status, 503)
  taken.open(Infinity)
  t.match(await server.post(submit, outputs, outputsKey), unknown, 'and not a 400 that says that the run takes no outputs')
})

test('a request whose reads failed, or whose key alone was written, has done nothing: its repetition is carried out', async t => {
  const store = new MemoryRecordStore()
  const view = new ProcessView(store, { shared: true })
  const server = await startServer(t, { storage: view, mayLogErrors: true })
  const { thread } = await runnable(server)
  const post = async (key: object): Promise<number> => (await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Once?' }, { ...key })).status

  const key = newKey()
  view.failRead(({ kind }) => kind === KIND.thread)
  t.strictSame([await post(key), await post(key)], [503, 200])

  // The server could not learn that the key is its own.
  const other = newKey()
  const isKey = (items: readonly WriteItem[]): boolean => items.some(item => item.op === 'put' && item.kind === KIND.idempotentAnswer)
  const gate = new Gate()
  for (let time = 0; time < 2; time++) view.loseAnswer(isKey, gate)
  t.equal(await post(other), 503)
  gate.open(Infinity)
  t.equal(await post(other), 200)
  t.strictSame((await messagesOf(server, thread.id)).map(textOf), ['Hello?', 'Once?', 'Once?'])
})
