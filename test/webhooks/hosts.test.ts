import { test, type Test } from 'tap'
import { newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { hang, text } from '../helpers/upstream.js'
import { secret, startReceiver } from './receiver.js'

const LISTED = ['hooks.example.com', '*.example.org', 'Example.NET:8443', '127.0.0.1:9999']

async function guarded (t: Test): Promise<{ server: TestServer, assistantId: string, threadId: string }> {
  const server = await startServer(t, { webhooks: { secret, allowedHosts: LISTED } })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello?')
  return { server, assistantId: assistant.id, threadId: thread.id }
}

const refusal = {
  error: {
    message: 'Invalid \'webhook_url\': this server does not deliver to that host.',
    type: 'invalid_request_error',
    param: 'metadata.webhook_url',
    code: 'invalid_value'
  }
}

for (const url of [
  'https://example.com/', 'https://nothooks.example.com/', 'https://hooks.example.com.evil.test/', 'https://hooks.example.com@evil.test/',
  'https://example.org/', 'https://evilexample.org/', 'https://example.net/', 'https://example.net:8444/', 'http://127.0.0.1/', 'http://127.0.0.1:9998/', 'http://localhost:9999/',
  'ftp://hooks.example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'hooks.example.com', '//hooks.example.com/', '', 'not a URL'
]) {
  test(`a run that wants to be reported to ${JSON.stringify(url)} is refused, and nothing of it is stored`, async t => {
    const { server, assistantId, threadId } = await guarded(t)
    const request = { assistant_id: assistantId, metadata: { webhook_url: url }, additional_messages: [{ role: 'user', content: 'More' }] }
    const { status, body } = await server.post(`/threads/${threadId}/runs`, request)
    t.equal(status, 400)
    t.strictSame(body, refusal)
    t.equal((await server.get(`/threads/${threadId}/runs`)).body.data.length, 0)
    t.equal((await server.get(`/threads/${threadId}/messages`)).body.data.length, 1)
    t.equal((await server.post(`/threads/${threadId}/messages`, { role: 'user', content: 'Free?' })).status, 200)
    t.equal(server.upstream.chats.length, 0)
  })
}

test('a thread is not made for a run that is refused', async t => {
  const { server, assistantId } = await guarded(t)
  const { status, body } = await server.post('/threads/runs', { assistant_id: assistantId, metadata: { webhook_url: 'https://example.com/' }, thread: { messages: [{ role: 'user', content: 'Hi' }] } })
  t.equal(status, 400)
  t.strictSame(body, refusal)
})

for (const url of [
  'https://hooks.example.com/', 'http://hooks.example.com:8080/path?query=1', 'https://HOOKS.example.com/', 'https://a.example.org/', 'https://a.b.example.org:444/', 'https://example.net:8443/', 'http://127.0.0.1:9999/'
]) {
  test(`a run may be reported to ${url}`, async t => {
    const { server, assistantId, threadId } = await guarded(t)
    // It never ends, so nobody is told.
    server.upstream.enqueue(hang())
    const { status, body } = await server.post(`/threads/${threadId}/runs`, { assistant_id: assistantId, metadata: { webhook_url: url } })
    t.equal(status, 200)
    t.equal(body.metadata.webhook_url, url)
  })
}

test('a port in the list stands for itself, also where a URL leaves it out', async t => {
  const server = await startServer(t, { webhooks: { secret, allowedHosts: ['example.com:443'] } })
  server.upstream.enqueue(hang())
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello?')
  const ask = async (url: string): Promise<number> => (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, metadata: { webhook_url: url } })).status
  t.equal(await ask('http://example.com/'), 400)
  t.equal(await ask('https://example.com:444/'), 400)
  t.equal(await ask('https://example.com/'), 200)
})

test('without a list no run may name a receiver, not even the server\'s own', async t => {
  const receiver = await startReceiver(t)
  const server = await startServer(t, { webhooks: { secret, url: receiver.url } })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello?')
  const { status, body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, metadata: { webhook_url: receiver.url } })
  t.equal(status, 400)
  t.strictSame(body, refusal)
})

test('a run\'s own receiver is told instead of the server\'s', async t => {
  const own = await startReceiver(t)
  const servers = await startReceiver(t)
  const server = await startServer(t, { webhooks: { secret, url: servers.url, allowedHosts: [own.host] }, script: [text('Hi'), text('Hi')] })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello?')
  const start = async (metadata: object): Promise<any> =>
    await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, metadata })).body)
  const first = await start({ webhook_url: own.url })
  t.equal((await own.next()).body.data.id, first.id)
  const second = await start({})
  t.equal((await servers.next()).body.data.id, second.id)
  await server.close()
  t.strictSame([own.deliveries.length, servers.deliveries.length], [1, 1])
})
