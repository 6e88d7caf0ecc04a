import { test } from 'tap'
import { newAssistant, newThread, startServer } from '../helpers/server.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { Gate, text } from '../helpers/upstream.js'
import { messagesOf, onSharedStores, outlasts, reaches, textOf } from './helpers/instances.js'

await onSharedStores((t, store) => {
  t.test('while the store is away requests get a 503, and are answered again when it is back', async t => {
    const proxy = await startProxy(t, store.url(t))
    const server = await startServer(t, { storage: proxy.url, mayLogErrors: true })
    const assistant = await newAssistant(server)
    const root = new URL('/', server.baseURL).href
    const probe = async (name: string): Promise<number> => (await fetch(`${server.baseURL}/${name}`).then(answer => answer.status === 404 ? fetch(`${root}${name}`) : answer)).status
    t.equal(await probe('ready'), 200)

    proxy.refuse()
    for (const answer of [await server.get(`/assistants/${assistant.id}`), await server.post('/threads', {}), await server.get('/assistants')]) {
      t.match(answer, { status: 503, body: { error: { type: 'server_error', message: String, code: String } } })
      t.match(answer.headers.get('retry-after'), /^\d+$/)
    }
    t.equal(await probe('health'), 200, 'alive')
    t.equal(await probe('ready'), 503, 'but not ready')

    proxy.restore()
    while (await probe('ready') !== 200);
    t.strictSame((await server.get(`/assistants/${assistant.id}`)).body, assistant)
  })

  t.test('a run under way outlasts the store\'s absence, and nothing of it is there twice', async t => {
    const proxy = await startProxy(t, store.url(t))
    const server = await startServer(t, { storage: proxy.url, mayLogErrors: true })
    await outlasts(t, server, proxy, () => proxy.refuse())
  })

  t.test('a server whose store is away for longer than a lease goes on with its runs', async t => {
    const proxy = await startProxy(t, store.url(t))
    const server = await startServer(t, { storage: proxy.url, mayLogErrors: true, limits: { leaseMs: 300 } })
    const gate = new Gate()
    server.upstream.enqueue(text(['Once', gate, ' upon a time']))
    const thread = await newThread(server, 'Hello?')
    const assistant = await newAssistant(server)
    const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    await gate.reached()
    proxy.refuse()
    await new Promise(resolve => server.app.threadManager.scope.clock.after(900, () => resolve(undefined)))
    proxy.restore()
    gate.open()
    while ((await server.get(`/threads/${thread.id}`)).status !== 200);
    await reaches(server, run, 'completed')
    t.strictSame((await messagesOf(server, thread.id)).map(textOf), ['Hello?', 'Once upon a time'])
  })
}, test)
