import Fastify from 'fastify'
import OpenAI from 'openai'
import { test } from 'tap'
import openaiCompat, { echo } from '../../lib/index.js'

/** A host with an error handler, a 404, a shared schema and an authentication of its own. */
function hostApp () {
  const app = Fastify()
  app.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => await reply.code(error.statusCode ?? 500).send({ oops: error.message }))
  app.setNotFoundHandler(async (_request, reply) => await reply.code(404).send({ oops: 'nothing here' }))
  app.addSchema({ $id: 'person', type: 'object', required: ['age'], properties: { age: { type: 'integer' } } })
  app.decorateRequest('user', '')
  app.register(async own => {
    own.addHook('onRequest', async request => {
      const user = userOf(request.headers.authorization)
      if (user === undefined) throw Object.assign(new Error('who are you?'), { statusCode: 401 })
      Object.assign(request, { user })
    })
    own.get('/me', async request => ({ user: (request as any).user }))
    own.post('/people', { schema: { body: { $ref: 'person#' } } }, async request => request.body)
  })
  return app
}

const userOf = (authorization: string | undefined): string | undefined => /^Bearer token-of-(\w+)$/.exec(authorization ?? '')?.[1]

test('host and API keep their behaviour side by side: errors, 404, schemas, authentication', async t => {
  const app = hostApp()
  t.teardown(async () => await app.close())
  await app.register(openaiCompat, {
    prefix: '/ai/v1',
    provider: echo(),
    apiKeys: request => userOf(request.headers.authorization),
    cors: false
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const as = (user: string) => ({ authorization: `Bearer token-of-${user}` })

  t.match(await app.inject('/me'), { statusCode: 401, body: '{"oops":"who are you?"}' })
  t.strictSame((await app.inject({ url: '/me', headers: as('anna') })).json(), { user: 'anna' })
  t.match(await app.inject('/none'), { statusCode: 404, body: '{"oops":"nothing here"}' })
  t.strictSame((await app.inject({ method: 'POST', url: '/people', headers: as('anna'), payload: { age: '7' } })).json(), { age: 7 }, 'its validator converts')
  t.match(await app.inject({ method: 'POST', url: '/people', headers: as('anna'), payload: {} }), { statusCode: 400, body: /oops.*required property 'age'/ })

  t.match((await app.inject('/ai/v1/assistants')).json(), { error: { type: 'authentication_error' } })
  t.equal((await app.inject('/ai/v1/assistants')).statusCode, 401)
  t.match((await app.inject({ url: '/ai/v1/none', headers: as('anna') })).json(), { error: { message: 'Invalid URL (GET /ai/v1/none)' } })
  t.match((await app.inject({ method: 'POST', url: '/ai/v1/threads', headers: as('anna'), payload: { metadata: { age: 7 } } })).json(), { error: { code: 'invalid_type' } })

  const clients = ['anna', 'ben'].map(user => new OpenAI({ baseURL: `${url}/ai/v1`, apiKey: `token-of-${user}` }))
  const assistants = await Promise.all(clients.map(async client => await client.beta.assistants.create({ model: 'echo' })))
  for (const [index, client] of clients.entries()) {
    t.strictSame((await client.beta.assistants.list()).data.map(({ id }) => id), [assistants[index]!.id], 'each sees their own')
  }
  const thread = await clients[0]!.beta.threads.create({ messages: [{ role: 'user', content: 'Hello there' }] })
  const run = await clients[0]!.beta.threads.runs.stream(thread.id, { assistant_id: assistants[0]!.id }).finalRun()
  t.equal(run.status, 'completed')
})

test('without CORS of the plugin the host decides on it', async t => {
  const app = hostApp()
  t.teardown(async () => await app.close())
  app.addHook('onSend', async (_request, reply) => { reply.header('access-control-allow-origin', 'https://mine.example') })
  await app.register(openaiCompat, { prefix: '/ai/v1', cors: false })
  const answer = await app.inject({ url: '/ai/v1/models', headers: { origin: 'https://other.example' } })
  t.equal(answer.headers['access-control-allow-origin'], 'https://mine.example')
})
