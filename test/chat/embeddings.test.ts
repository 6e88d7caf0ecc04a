import t from 'tap'
import { officialSchemas } from '../helpers/official-schema.js'
import { startServer } from '../helpers/server.js'
import { embedText, error, http } from '../helpers/upstream.js'
import { ask, provider, sdks } from './helpers.js'

/** Vectors that float32 does not hold exactly, the input's length first. */
const embedding = provider(() => [], { embed: async ({ input, dimensions = 3 }) => input.map(text => [text.length, 0.1, -1 / 3, 1e-7].slice(0, dimensions)) })

for (const sdk of sdks) {
  t.test(`${sdk.name} gets the vendor's own vectors, in base64 unseen and as numbers`, async t => {
    const server = await startServer(t)
    const client = sdk.connect({ baseURL: server.baseURL, apiKey: 'sk-client', maxRetries: 0 })
    const input = ['red apple', 'blue car']
    const { data, model } = await client.embeddings.create({ model: 'default/embedder', input, dimensions: 16 })
    t.equal(model, 'embedder')
    t.strictSame(data.map(({ embedding }) => [...embedding]), input.map(text => [...Float32Array.from(embedText(text, 16))]))
    const asked = (await server.upstream.next('/embeddings')).body
    t.strictSame(asked, { model: 'embedder', input, dimensions: 16, ...(sdk.name === 'openai 4' && asked.encoding_format === undefined ? {} : { encoding_format: 'base64' }) })
    const floats = await client.embeddings.create({ model: 'embedder', input: 'red apple', encoding_format: 'float' })
    t.strictSame(floats.data[0]?.embedding, embedText('red apple'))
  })

  t.test(`${sdk.name} gets the same vectors in base64 and as numbers from a provider that knows only numbers`, async t => {
    const server = await startServer(t, { provider: embedding })
    const client = sdk.connect({ baseURL: server.baseURL, apiKey: 'sk-client', maxRetries: 0 })
    const numbers = await client.embeddings.create({ model: 'm', input: ['a', 'bc'], encoding_format: 'float' })
    t.strictSame(numbers.data, [{ object: 'embedding', index: 0, embedding: [1, 0.1, -1 / 3] }, { object: 'embedding', index: 1, embedding: [2, 0.1, -1 / 3] }])
    const decoded = await client.embeddings.create({ model: 'm', input: ['a', 'bc'] })
    t.strictSame(decoded.data.map(({ embedding }) => [...embedding]), numbers.data.map(({ embedding }) => [...Float32Array.from(embedding)]))
  })
}

t.test('base64 holds little-endian float32', async t => {
  const server = await startServer(t, { provider: embedding })
  const { body } = await ask(server, '/embeddings', { model: 'm', input: 'x', encoding_format: 'base64', dimensions: 2 })
  t.strictSame(body, { object: 'list', data: [{ object: 'embedding', index: 0, embedding: 'AACAP83MzD0=' }], model: 'm', usage: { prompt_tokens: 0, total_tokens: 0 } })
  t.strictSame(officialSchemas().validate('CreateEmbeddingResponse', (await ask(server, '/embeddings', { model: 'm', input: 'x' })).body), [])
})

t.test('an input that is passed on may be anything that the vendor takes', async t => {
  const server = await startServer(t)
  server.upstream.enqueueAt('/embeddings', http(200, '{"own":"answer"}'))
  t.strictSame((await ask(server, '/embeddings', { model: 'm', input: [[1, 2]], input_type: 'query' })).body, { own: 'answer' })
  t.strictSame((await server.upstream.next('/embeddings')).body, { model: 'm', input: [[1, 2]], input_type: 'query' })
})

t.test('an input that nobody can embed is refused', async t => {
  const server = await startServer(t, { provider: embedding })
  const errorOf = async (body: object): Promise<unknown> => {
    const { status, body: answer } = await ask(server, '/embeddings', { model: 'm', ...body })
    return [status, answer.error.param, answer.error.code]
  }
  t.strictSame(await errorOf({}), [400, 'input', 'missing_required_parameter'])
  t.strictSame(await errorOf({ input: [] }), [400, 'input', 'empty_array'])
  t.strictSame(await errorOf({ input: [1, 2] }), [400, 'input', 'invalid_value'])
  t.strictSame(await errorOf({ input: 'x', encoding_format: 'hex' }), [400, 'encoding_format', 'invalid_value'])
  t.strictSame(await errorOf({ input: 'x', dimensions: 0 }), [400, 'dimensions', 'integer_below_min_value'])
})

t.test('a provider without embeddings says so', async t => {
  const none = { status: 400, body: { error: { type: 'invalid_request_error', param: 'model', code: 'unsupported_model' } } }
  const echo = await startServer(t, { providers: {} })
  t.match(await ask(echo, '/embeddings', { model: 'echo', input: 'x' }), none)
  t.match(await ask(echo, '/embeddings', { model: 'echo', input: 'x' }), { body: { error: { message: 'The model \'echo\' cannot be used for embeddings: its provider \'echo\' has none.' } } })
  const server = await startServer(t)
  server.upstream.enqueueAt('/embeddings', error(404, '404 page not found'), error(405, 'Method Not Allowed'), error(404, 'model "m" not found'))
  t.match(await ask(server, '/embeddings', { model: 'm', input: 'x' }), none)
  t.match(await ask(server, '/embeddings', { model: 'm', input: 'x' }), none)
  t.match(await ask(server, '/embeddings', { model: 'm', input: 'x' }), { status: 404, body: { error: { message: 'The model `m` does not exist or you do not have access to it.', code: 'model_not_found' } } })
})

t.test('a vendor\'s failure is told as for chat completions', async t => {
  const server = await startServer(t, { mayLogErrors: true })
  server.upstream.enqueueAt('/embeddings', error(429, 'Slow down.', { 'retry-after': '2' }), error(401, 'Bad key.'))
  t.match(await ask(server, '/embeddings', { model: 'm', input: 'x' }), { status: 429 })
  t.match(await ask(server, '/embeddings', { model: 'm', input: 'x' }), { status: 502 })
})
