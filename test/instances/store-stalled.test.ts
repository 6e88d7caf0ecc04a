import { test, type Test } from 'tap'
import { startCli } from '../helpers/process.js'
import { connectTo, newAssistant, startServer, type ApiClient } from '../helpers/server.js'
import type { StoreUrl } from '../helpers/stores.js'
import { startProxy, type TcpProxy } from '../helpers/tcp-proxy.js'
import { Gate, startUpstream, text } from '../helpers/upstream.js'
import { messagesOf, onSharedStores, outlasts, reaches, runnable, textOf } from './helpers/instances.js'

/** Long enough for a store that answers on a machine that is busy. */
const TIMEOUT_MS = 1500

/** The URL of a store that can be made to hang, for a server that does not wait for long. */
async function stallable (t: Test, store: StoreUrl): Promise<{ proxy: TcpProxy, storage: string }> {
  const proxy = await startProxy(t, store.url(t))
  const url = new URL(proxy.url)
  url.searchParams.set('timeoutMs', String(TIMEOUT_MS))
  return { proxy, storage: url.href }
}

const probe = async ({ baseURL }: ApiClient, name: string): Promise<number> => (await fetch(`${baseURL}/${name}`)).status

async function ready (server: ApiClient): Promise<void> {
  while (await probe(server, 'ready') !== 200);
}

await onSharedStores((t, store) => {
  t.test('while the store hangs requests get a 503, and are answered again when it goes on', async t => {
    const { proxy, storage } = await stallable(t, store)
    const server = await startServer(t, { storage, mayLogErrors: true })
    const { assistant, thread } = await runnable(server)
    const requests = (): Promise<{ status: number, headers: Headers }>[] => [
      server.get(`/assistants/${assistant.id}`),
      server.get('/assistants'),
      server.post('/threads', {}),
      server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Lost?' }),
      server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, stream: true }),
      // More than there are connections, so that some wait for one.
      ...Array.from({ length: 20 }, () => server.get(`/threads/${thread.id}`))
    ]
    proxy.stall()
    // The second time the connections of the first have been given up.
    for (let time = 0; time < 2; time++) {
      const [answers, isReady, isAlive] = await Promise.all([Promise.all(requests()), probe(server, 'ready'), probe(server, 'health')])
      for (const answer of answers) {
        t.match(answer, { status: 503, body: { error: { type: 'server_error', code: 'storage_unavailable', param: null, message: String } } })
        t.match(answer.headers.get('retry-after'), /^\d+$/)
      }
      t.strictSame([isReady, isAlive], [503, 200])
    }

    proxy.restore()
    await ready(server)
    t.strictSame((await server.get(`/assistants/${assistant.id}`)).body, assistant)
    t.equal((await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Hello again.' })).status, 200)
  })

  t.test('connections that stay silent for good are replaced, once the store can be reached', async t => {
    const { proxy, storage } = await stallable(t, store)
    const server = await startServer(t, { storage, mayLogErrors: true })
    const assistant = await newAssistant(server)
    proxy.strand()
    await ready(server)
    t.strictSame((await server.get(`/assistants/${assistant.id}`)).body, assistant)
  })

  t.test('a run under way outlasts a store that hangs, and nothing of it is there twice', async t => {
    const { proxy, storage } = await stallable(t, store)
    const server = await startServer(t, { storage, mayLogErrors: true })
    await outlasts(t, server, proxy, () => proxy.stall())
  })

  t.test('a server can be stopped while its store hangs, and another goes on with its run', async t => {
    const upstream = await startUpstream(t)
    const gate = new Gate()
    upstream.enqueue(text(['Once', gate, ' never told']), text('Once upon a time'))
    const direct = store.url(t)
    const { proxy, storage } = await stallable(t, { ...store, url: () => direct })
    const args = ['--port', '0', '--storage', storage, '--base-url', upstream.url, '--upstream-key', 'sk-test']
    const cli = startCli(t, { args, env: { RUN_LEASE_MS: '1000' } })
    const server = connectTo(t, await cli.ready)
    const { create } = await runnable(server)
    const run = await create(server)
    await gate.reached()
    proxy.stall()
    cli.child.kill('SIGTERM')
    t.match(await cli.exited, { code: 0, signal: null })
    const heir = await startServer(t, { upstream, storage: direct, limits: { leaseMs: 1000 } })
    await reaches(heir, run, 'completed')
    t.strictSame((await messagesOf(heir, run.thread_id)).map(textOf), ['Hello?', 'Once upon a time'])
  })

  t.test('a server ends within its grace period although its store would keep it waiting for minutes', async t => {
    const proxy = await startProxy(t, store.url(t))
    const storage = new URL(proxy.url)
    storage.searchParams.set('timeoutMs', '600000')
    const cwd = t.testdir({ 'openai-compat.config.json': JSON.stringify({ closeGraceMs: 100 }) })
    const cli = startCli(t, { args: ['--port', '0', '--storage', storage.href], cwd })
    const server = connectTo(t, await cli.ready)
    await newAssistant(server)
    proxy.stall()
    server.post('/threads', {}).catch(() => {})
    // The server has read what was sent before this.
    await probe(server, 'health')
    cli.child.kill('SIGTERM')
    t.match(await cli.exited, { code: 0, signal: null, stderr: /the store does not answer/ })
  })

  t.test('a server that is started on a store that hangs says so, and ends', async t => {
    const { proxy, storage } = await stallable(t, store)
    proxy.stall()
    const { exited } = startCli(t, { args: ['--port', '0', '--storage', storage] })
    t.match(await exited, { code: 1, stdout: '', stderr: /^fastify-openai-compat: (Redis|PostgreSQL) at 127\.0\.0\.1:\d+ cannot be used: .+\n$/ })
  })
}, test)

test('a server ends soon after its grace period although what it waits for never comes', async t => {
  const cwd = t.testdir({
    'config.mjs': `import { MemoryRecordStore } from '${new URL('../../storage/memory/store.js', import.meta.url).href}'
      // It answers reads, and carries out no write of what was used.
      class Stuck extends MemoryRecordStore {
        async write (key, items) {
          return items.some(({ kind }) => kind === 'usage_day') ? await new Promise(() => {}) : await super.write(key, items)
        }
      }
      // As a connection would, it keeps the process.
      setInterval(() => {}, 1000)
      export default { storage: new Stuck(), closeGraceMs: 100 }`
  })
  const cli = startCli(t, { args: ['--port', '0', '--config', 'config.mjs', '--default-model', 'echo'], cwd })
  const server = connectTo(t, await cli.ready)
  const { create } = await runnable(server)
  await reaches(server, await create(server), 'completed')
  cli.child.kill('SIGTERM')
  t.match(await cli.exited, { code: 1, signal: null, stderr: /the server did not close within 2\.1 s/ })
})
