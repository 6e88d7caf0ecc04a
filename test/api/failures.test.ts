import { test } from 'tap'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { sdks } from '../helpers/sdk.js'
import { newAssistant, newThread, startServer } from '../helpers/server.js'

/** A store that fails when it is told to. */
class FailingStore extends MemoryRecordStore {
  failure: Error | undefined

  override async get (...args: Parameters<MemoryRecordStore['get']>): Promise<any> {
    if (this.failure !== undefined) throw this.failure
    return await super.get(...args)
  }

  override async write (...args: Parameters<MemoryRecordStore['write']>): Promise<boolean> {
    if (this.failure !== undefined) throw this.failure
    return await super.write(...args)
  }
}

test('a store that is away is a 503 that may be tried again, and then works', async t => {
  const storage = new FailingStore()
  const server = await startServer(t, { storage, mayLogErrors: true })
  const thread = await newThread(server, 'Hello')
  storage.failure = new StorageUnavailableError('connect ECONNREFUSED 10.0.0.7:5432')
  const error = { message: 'The server is temporarily unable to reach its storage. Please retry your request.', type: 'server_error', param: null, code: 'storage_unavailable' }
  for (const answer of [
    await server.get(`/threads/${thread.id}`),
    await server.post('/threads', {}),
    await server.post('/assistants', { model: 'm' }),
    await server.delete(`/threads/${thread.id}`),
    await server.get('/ready')
  ]) {
    t.match(answer, { status: 503, body: { error } })
    t.match(answer.headers.get('retry-after'), /^\d+$/)
    t.not(answer.headers.get('x-should-retry'), 'false')
    t.notMatch(JSON.stringify(answer.body), /10\.0\.0\.7/)
  }
  t.equal((await server.get('/health')).status, 200, 'the process lives')
  storage.failure = undefined
  t.equal((await server.get(`/threads/${thread.id}`)).status, 200)
  t.equal((await server.get('/ready')).status, 200)
})

test('an unexpected error is a 500 that tells nothing, and a request that may have had an effect is not tried again', async t => {
  const storage = new FailingStore()
  const server = await startServer(t, { storage, mayLogErrors: true })
  const assistant = await newAssistant(server)
  storage.failure = new TypeError('Cannot read properties of undefined (reading "secret")')
  const error = { message: 'The server had an error while processing your request. Sorry about that!', type: 'server_error', param: null, code: null }
  const [read, written] = [await server.get(`/assistants/${assistant.id}`), await server.post('/assistants', { model: 'm' })]
  for (const answer of [read, written]) t.match(answer, { status: 500, body: { error } })
  t.equal(written.headers.get('x-should-retry'), 'false')
  t.equal(read.headers.get('x-should-retry'), null)
})

for (const sdk of sdks) {
  test(`${sdk.name}: the client tries again while the store is away, and not after an unexpected error`, async t => {
    const storage = new FailingStore()
    const server = await startServer(t, { storage, mayLogErrors: true })
    const { assistants } = server.client(sdk, { maxRetries: 2 }).beta
    const asked: string[] = []
    server.app.server.on('request', request => asked.push(String(request.headers['x-stainless-retry-count'])))
    storage.failure = new StorageUnavailableError('away')
    server.app.server.on('request', request => { if (request.headers['x-stainless-retry-count'] === '1') storage.failure = undefined })
    t.equal((await assistants.create({ model: 'm' })).model, 'm')
    t.strictSame(asked, ['0', '1'])
    storage.failure = new TypeError('broken')
    const error = await assistants.create({ model: 'm' }).catch((error: any) => error)
    t.equal(error.status, 500)
    t.strictSame(asked, ['0', '1', '0'])
  })
}

test('a write that loses every race is a 503 that the SDKs repeat', async t => {
  /** Others are always faster with assistants, until they rest. */
  class BusyStore extends MemoryRecordStore {
    isBusy = true
    override async write (...[key, items]: Parameters<MemoryRecordStore['write']>): Promise<boolean> {
      const updates = items.some(item => item.op === 'put' && item.kind === 'assistant' && typeof item.expect === 'number')
      return updates && this.isBusy ? false : await super.write(key, items)
    }
  }
  const storage = new BusyStore()
  const server = await startServer(t, { storage, mayLogErrors: true })
  const { id } = await newAssistant(server)
  const { status, headers, body } = await server.post(`/assistants/${id}`, { name: 'later' })
  t.equal(status, 503)
  t.match(body.error, { type: 'server_error', code: 'contention', message: /retry/ })
  t.equal(headers.get('x-should-retry'), 'true')
  t.equal(headers.get('retry-after'), '1')
  let attempts = 0
  const client = server.client(undefined, {
    maxRetries: 1,
    fetch: async (url, init) => {
      if (++attempts === 2) storage.isBusy = false
      return await fetch(url as string, init as RequestInit)
    }
  })
  t.equal((await client.beta.assistants.update(id, { name: 'later' })).name, 'later')
  t.equal(attempts, 2)
})
