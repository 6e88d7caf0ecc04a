import { test, type Test } from 'tap'
import { newAssistant, newThread, startServer, stopped, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { ManualClock } from '../helpers/clock.js'
import { error, Gate, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'
import { outputsFor, pathOf } from '../runs/helpers/server.js'
import { secret, signatureProblem, startReceiver, type Receiver } from './receiver.js'

const ask = { type: 'function', function: { name: 'ask', parameters: { type: 'object', properties: {} } } }
const call = (): UpstreamReply => toolCalls([{ name: 'ask', arguments: {} }])

async function serverFor (t: Test, receiver: Receiver, options: TestServerOptions = {}): Promise<TestServer> {
  return await startServer(t, { webhooks: { secret, url: receiver.url }, ...options })
}

async function startRun (server: TestServer, fields: object = {}): Promise<any> {
  const assistant = await newAssistant(server, { tools: [ask] })
  const thread = await newThread(server, 'Hello?')
  return (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })).body
}

test('a run that has ended is reported as it is stored, signed by the Standard Webhooks rules', async t => {
  const receiver = await startReceiver(t)
  const server = await serverFor(t, receiver, { script: [text('Hi')] })
  const run = await startRun(server)
  const delivery = await receiver.next()
  const { body: stored } = await server.get(pathOf(run))
  t.equal(stored.status, 'completed', 'it was stored first')
  t.equal(delivery.method, 'POST')
  t.equal(delivery.path, '/hook')
  t.equal(delivery.headers['content-type'], 'application/json')
  t.equal(signatureProblem(delivery), undefined)
  t.match(signatureProblem(delivery, Buffer.from('another key')), /^the signature is/)
  t.strictSame(Object.keys(delivery.body), ['type', 'timestamp', 'data'])
  t.equal(delivery.body.type, 'thread.run.completed')
  t.strictSame(delivery.body.data, stored)
  t.ok(Math.abs(Date.parse(delivery.body.timestamp) - Date.now()) < 60_000)
  t.ok(Math.abs(Number(delivery.headers['webhook-timestamp']) - Date.now() / 1000) < 60)
})

for (const [status, reply] of [
  ['completed', text('Hi')],
  ['incomplete', text('Hi', { finish: 'length' })],
  ['failed', error(500)],
  ['requires_action', call()]
] as const) {
  test(`a run that becomes ${status} is reported once`, async t => {
    const receiver = await startReceiver(t)
    const server = await serverFor(t, receiver, { script: [reply] })
    const run = await stopped(server, await startRun(server))
    const { body } = await receiver.next()
    t.equal(body.type, `thread.run.${status}`)
    t.strictSame(body.data, run)
    await server.close()
    t.equal(receiver.deliveries.length, 1, 'nothing was told of the way there')
  })
}

test('a run that is cancelled is reported when it is, not when that was asked for', async t => {
  const receiver = await startReceiver(t)
  const gate = new Gate()
  const server = await serverFor(t, receiver, { script: [text(['Once', gate])] })
  const run = await startRun(server)
  await gate.reached()
  await server.post(`${pathOf(run)}/cancel`)
  t.equal((await receiver.next()).body.type, 'thread.run.cancelled')
  t.equal(receiver.deliveries.length, 1)
})

test('a run that expires is reported', async t => {
  const clock = new ManualClock()
  const receiver = await startReceiver(t)
  const server = await serverFor(t, receiver, { clock, script: [call()] })
  const run = await stopped(server, await startRun(server))
  await receiver.next()
  await clock.advance(600_000)
  const delivery = await receiver.next()
  t.equal(delivery.body.type, 'thread.run.expired')
  t.equal(Number(delivery.headers['webhook-timestamp']), run.created_at + 600)
  t.equal(signatureProblem(delivery), undefined)
})

test('every question to the client is an event of its own, even within one second', async t => {
  const clock = new ManualClock()
  const receiver = await startReceiver(t)
  const server = await serverFor(t, receiver, { clock, script: [call(), call(), text('Done')] })
  const run = await startRun(server)
  for (let round = 0; round < 2; round++) {
    t.equal((await receiver.next()).body.type, 'thread.run.requires_action')
    await server.post(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: outputsFor(await stopped(server, run)) })
  }
  t.equal((await receiver.next()).body.type, 'thread.run.completed')
  const ids = receiver.deliveries.map(({ headers }) => headers['webhook-id'])
  t.equal(new Set(ids).size, 3)
})

test('a receiver that takes its time holds up neither the run nor the thread', async t => {
  const held = new Gate()
  const receiver = await startReceiver(t, async response => {
    await held.pass()
    response.writeHead(204).end()
  })
  const server = await serverFor(t, receiver, { script: [text('Hi'), text('Hi again')] })
  const first = await stopped(server, await startRun(server))
  await receiver.next()
  const { body: second } = await server.post(`/threads/${first.thread_id}/runs`, { assistant_id: first.assistant_id })
  t.equal((await stopped(server, second)).status, 'completed')
  held.open()
})

test('closing the server does not wait for a receiver', async t => {
  const receiver = await startReceiver(t, () => {})
  const server = await serverFor(t, receiver, { script: [text('Hi')] })
  await startRun(server)
  await receiver.next()
  await server.close()
  t.equal(receiver.deliveries.length, 1)
})

test('without the option nothing is sent, and the key is metadata like any other', async t => {
  const receiver = await startReceiver(t)
  const server = await startServer(t, { script: [text('Hi')] })
  const run = await stopped(server, await startRun(server, { metadata: { webhook_url: receiver.url } }))
  t.strictSame(run.metadata, { webhook_url: receiver.url })
  await server.close()
  t.equal(receiver.deliveries.length, 0)
})

for (const [what, secret] of [
  ['missing', undefined], ['without its prefix', Buffer.alloc(32).toString('base64')], ['too short', `whsec_${Buffer.alloc(23).toString('base64')}`],
  ['too long', `whsec_${Buffer.alloc(65).toString('base64')}`], ['not base64', 'whsec_not base64 at all, though it is long enough']
] as const) {
  test(`a secret that is ${what} stops the server from starting`, async t => {
    await t.rejects(startServer(t, { webhooks: { secret: secret as string } }), { name: 'TypeError', message: /"webhooks\.secret"/ })
  })
}

test('a receiver that is no URL stops the server from starting', async t => {
  await t.rejects(startServer(t, { webhooks: { secret, url: 'ftp://example.com/' } }), { name: 'TypeError', message: /"webhooks\.url"/ })
})
