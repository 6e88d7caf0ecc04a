import t from 'tap'
import { failure } from '../../lib/conformance/model-parts.js'
import { embedText, error, hang, http } from '../helpers/upstream.js'
import { signal, start } from './helpers.js'

t.test('models are listed with what the vendor tells of them', async t => {
  const { upstream, provider } = await start(t)
  upstream.enqueueAt('/models',
    http(200, { object: 'list', data: [{ id: 'a', created: 7, owned_by: 'them' }, { id: 'b', created: null }, { name: 'no id' }, null] }),
    http(200, [{ id: 'c' }]), http(200, { object: 'list', data: null }))
  t.strictSame(await provider.models({ signal }), [{ id: 'a', created: 7, ownedBy: 'them' }, { id: 'b', created: 0, ownedBy: 'acme' }])
  t.strictSame(await provider.models({ signal }), [{ id: 'c', created: 0, ownedBy: 'acme' }])
  t.strictSame(await provider.models({ signal }), [])
})

t.test('a list that is none is an error', async t => {
  const { upstream, provider } = await start(t, { maxRetries: 0 })
  upstream.enqueueAt('/models', http(200, { hello: 'world' }), http(200, '<html>'), error(401))
  t.match(await failure(provider.models({ signal })), { name: 'ModelError', message: /not answer with a list of models/ })
  t.match(await failure(provider.models({ signal })), { name: 'ModelError', message: /not answer in JSON/ })
  t.match(await failure(provider.models({ signal })), { name: 'ModelError', message: /credentials/ })
})

t.test('lists are tried again, timed and aborted as streams are', async t => {
  const { upstream, provider, clock } = await start(t, { timeouts: { firstTokenMs: 3000 } })
  upstream.enqueueAt('/models', error(503), hang(), hang())
  const thrown = failure(provider.models({ signal }))
  await clock.advance(await clock.armed(ms => ms < 3000))
  await clock.armed(ms => ms === 3000)
  await clock.advance(3000)
  t.match(await thrown, { message: /sent nothing for 3000 ms/ })
  const leaving = new AbortController()
  const aborted = failure(provider.models({ signal: leaving.signal }))
  for (let round = 0; round < 3; round++) await upstream.next('/models')
  leaving.abort(new Error('cancelled'))
  t.match(await aborted, { message: 'cancelled' })
  await upstream.requests.at(-1)?.aborted
})

t.test('embeddings come one per input and in their order, in batches', async t => {
  const { upstream, provider } = await start(t, { embeddingBatchSize: 2 })
  const input = ['red', 'green', 'blue']
  t.strictSame(await provider.embed({ model: 'e', input, dimensions: 8 }, { signal }), input.map(word => embedText(word, 8)))
  t.strictSame(upstream.requests.map(asked => asked.body), [
    { model: 'e', input: ['red', 'green'], encoding_format: 'float', dimensions: 8 },
    { model: 'e', input: ['blue'], encoding_format: 'float', dimensions: 8 }
  ])
  t.strictSame(await provider.embed({ model: 'e', input: [] }, { signal }), [])
  t.equal(upstream.requests.length, 2)
})

t.test('embeddings out of order or in base64 are set right', async t => {
  const { upstream, provider } = await start(t)
  const base64 = Buffer.from(Float32Array.from([0.5, -1]).buffer).toString('base64')
  upstream.enqueueAt('/embeddings', http(200, { data: [{ index: 1, embedding: [2] }, { index: 0, embedding: [1] }] }), http(200, { data: [{ embedding: base64 }] }))
  t.strictSame(await provider.embed({ model: 'e', input: ['a', 'b'] }, { signal }), [[1], [2]])
  t.strictSame(await provider.embed({ model: 'e', input: ['a'] }, { signal }), [[0.5, -1]])
})

t.test('embeddings that do not fit the inputs are an error', async t => {
  const { upstream, provider } = await start(t)
  for (const body of [{ data: [] }, { data: [{ embedding: 7 }] }, { data: [{ embedding: ['x'] }] }, {}, null]) {
    upstream.enqueueAt('/embeddings', http(200, JSON.stringify(body)))
    t.match(await failure(provider.embed({ model: 'e', input: ['a'] }, { signal })), { name: 'ModelError', message: /one vector per input/ })
  }
})
