import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { Gate, gated, text } from '../helpers/upstream.js'
import { SHARE_EVERY_MS } from '../../lib/usage/shared-counters.js'
import { onSharedStores, startInstances } from './helpers/instances.js'

await onSharedStores((t, store) => {
  t.test('requests are counted over all instances', async t => {
    const clock = new ManualClock()
    const { servers: [a, b] } = await startInstances(t, store, 2, () => ({ clock, quotas: { requestsPerMinute: 10 } }))
    for (let i = 0; i < 5; i++) {
      t.equal((await a!.get('/assistants')).status, 200)
      t.equal((await b!.get('/assistants')).status, 200)
    }
    // Each has counted five. They tell each other; their writes are not awaited by the clock.
    for (let left = '5'; left !== '0';) {
      await clock.advance(SHARE_EVERY_MS)
      left = (await a!.get('/assistants')).headers.get('x-ratelimit-remaining-requests') ?? ''
    }
    t.equal((await a!.get('/assistants')).status, 429)
  })

  t.test('runs under way are counted over all instances', async t => {
    const { upstream, servers: [a, b] } = await startInstances(t, store, 2, () => ({ quotas: { concurrentRuns: 2 } }))
    const gate = new Gate()
    upstream.respond(() => gated(text('Hello'), gate))
    const { body: assistant } = await a!.post('/assistants', { model: 'test-model' })
    const run = { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }
    const answers = await Promise.all([a!, b!, a!, b!, a!].map(async server => await server.post('/threads/runs', run)))
    t.strictSame(answers.map(({ status }) => status).sort(), [200, 200, 429, 429, 429])
    gate.open(Infinity)
    // A run that has ended makes room wherever it ended.
    for (let status = 429; status !== 200;) status = (await b!.post('/threads/runs', run)).status
  })

  t.test('of files that are uploaded to several instances at once, as many are kept as there may be', async t => {
    const { servers } = await startInstances(t, store, 2, () => ({ quotas: { files: 3, storedBytes: 10_000 } }))
    const upload = async (baseURL: string): Promise<number> => {
      const form = new FormData()
      form.set('purpose', 'assistants')
      form.set('file', new Blob(['x'.repeat(100)]), 'a.txt')
      const response = await fetch(`${baseURL}/files`, { method: 'POST', body: form })
      await response.text()
      return response.status
    }
    const statuses = await Promise.all(Array.from({ length: 8 }, async (_, i) => await upload(servers[i % 2]!.baseURL)))
    t.strictSame(statuses.sort(), [200, 200, 200, 429, 429, 429, 429, 429])
    t.equal((await servers[0]!.get('/files')).body.data.length, 3)
  })
}, test)
