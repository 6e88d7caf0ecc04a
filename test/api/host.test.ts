import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import openaiCompat from '../../lib/plugin.js'
import { fastifyVersions } from '../helpers/fastify.js'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { startUpstream, text } from '../helpers/upstream.js'

/** A host with habits of its own: errors, 404, a parser, a validator. */
async function host (t: Test, register: (app: FastifyInstance) => unknown, create: () => FastifyInstance = Fastify) {
  const app = create()
  t.teardown(async () => await app.close())
  app.setErrorHandler(async (error: Error, _request, reply) => await reply.code(418).send(`host: ${error.message}`))
  app.setNotFoundHandler(async (_request, reply) => await reply.code(404).send('host: nothing here'))
  app.addContentTypeParser('text/csv', { parseAs: 'string' }, async (_request: unknown, body: string) => body.split(','))
  app.decorateRequest('flavour', 'vanilla')
  app.addHook('onSend', async (_request, reply) => { reply.header('x-host', 'yes') })
  await register(app)
  app.get('/boom', async () => { throw new Error('boom') })
  app.post('/echo', async request => ({ got: request.body }))
  app.post('/checked', { schema: { body: { type: 'object', properties: { n: { type: 'integer' }, d: { default: 'filled in' } } } } }, async request => ({ got: request.body }))
  app.get('/shaped', { schema: { response: { 200: { type: 'object', properties: { a: { type: 'string' } } } } } }, async () => ({ a: 1, hidden: true }))
  await app.ready()
  return app
}

for (const { version, create } of fastifyVersions) {
  for (const prefix of ['/v1', '/deep/er/v1']) {
    test(`below ${prefix} of Fastify ${version} the API has its own errors, the host keeps its own`, async t => {
      const app = await host(t, async app => await app.register(openaiCompat, { prefix, apiKeys: ['sk-right'] }), create)
      const authorization = 'Bearer sk-right'
      const json = { 'content-type': 'application/json' }

      t.match(await app.inject('/boom'), { statusCode: 418, body: 'host: boom' })
      t.match(await app.inject('/nowhere'), { statusCode: 404, body: 'host: nothing here' })
      t.match(await app.inject({ method: 'POST', url: '/echo', headers: { 'content-type': 'text/csv' }, payload: 'a,b' }), { statusCode: 200, body: '{"got":["a","b"]}' })
      t.match(await app.inject({ method: 'POST', url: '/echo', headers: json, payload: '{' }), { statusCode: 418, body: /^host: / })
      t.match(await app.inject({ method: 'POST', url: '/echo', headers: json, payload: '' }), { statusCode: 418 }, 'an empty body is an error here as ever')
      t.match(await app.inject({ method: 'POST', url: '/checked', headers: json, payload: '{"n":"5"}' }), { body: '{"got":{"n":5,"d":"filled in"}}' }, 'its validator converts')
      t.match(await app.inject('/shaped'), { body: '{"a":"1"}' }, 'its serialiser drops')
      const { headers } = await app.inject('/shaped')
      for (const name of ['x-request-id', 'openai-version', 'access-control-allow-origin']) t.notOk(name in headers, name)

      t.match(await app.inject(`${prefix}/nowhere`), { statusCode: 401 })
      t.match((await app.inject({ url: `${prefix}/nowhere`, headers: { authorization } })).json(), { error: { message: `Invalid URL (GET ${prefix}/nowhere)` } })
      t.match((await app.inject({ method: 'POST', url: `${prefix}/threads`, headers: { authorization, ...json }, payload: '{"metadata":{"n":5}}' })).json(), { error: { code: 'invalid_type', param: 'metadata.n' } })
      t.match((await app.inject({ method: 'POST', url: `${prefix}/threads`, headers: { authorization, 'content-type': 'text/csv' }, payload: 'a,b' })).json(), { error: { code: 'unsupported_content_type' } })
      const created = await app.inject({ method: 'POST', url: `${prefix}/threads`, headers: { authorization } })
      t.match(created, { statusCode: 200, headers: { 'x-host': 'yes' } }, 'hooks of the host hold for the API')
    })
  }
}

test('without a prefix the API stands beside the host\'s routes', async t => {
  const app = await host(t, async app => await app.register(openaiCompat, {}))
  t.match(await app.inject('/boom'), { statusCode: 418, body: 'host: boom' })
  t.match(await app.inject('/nowhere'), { statusCode: 404, body: 'host: nothing here' })
  t.match((await app.inject('/assistants/x')).json(), { error: { message: "Invalid 'assistant_id': 'x'. Expected an ID that begins with 'asst'." } })
  t.equal((await app.inject({ method: 'POST', url: '/threads' })).statusCode, 200)
})

test('two registrations in one app are two services', async t => {
  const [one, two] = [await startUpstream(t, { script: [text('From one.')] }), await startUpstream(t, { script: [text('From two.')] })]
  const server = await startServer(t, {
    upstream: one,
    prepare: async app => await app.register(openaiCompat, { prefix: '/two', provider: { baseURL: two.url }, apiKeys: ['sk-two'] })
  })
  const headers = { authorization: 'Bearer sk-two', 'content-type': 'application/json' }
  const send = async (method: string, path: string, body: unknown = {}) => {
    const response = await fetch(server.baseURL.replace('/v1', '/two') + path, { method, headers, ...method === 'POST' ? { body: JSON.stringify(body) } : {} })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  const second = { ...server, get: async (path: string) => await send('GET', path), post: async (path: string, body?: unknown) => await send('POST', path, body) }
  for (const [api, words] of [[server, 'From one.'], [second, 'From two.']] as const) {
    const [assistant, thread] = [await newAssistant(api), await newThread(api, 'Hello')]
    await stopped(api, (await api.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
    t.equal((await api.get(`/threads/${thread.id}/messages`)).body.data[0].content[0].text.value, words)
    t.equal((await api.get('/assistants')).body.data.length, 1)
  }
  t.equal((await fetch(server.baseURL.replace('/v1', '/two') + '/assistants')).status, 401)
  t.ok(server.app.hasDecorator('threadManager') && server.app.hasDecorator('threadStorage'))
})

test('the host reads and writes through the decorators what clients see', async t => {
  const server = await startServer(t)
  const { threadManager } = server.app
  const assistant = await threadManager.assistants.create({ model: 'm', name: 'made inside' })
  t.strictSame((await server.get(`/assistants/${assistant.id}`)).body, assistant)
  const thread = await newThread(server, 'Hello')
  t.strictSame(await threadManager.threads.get(thread.id), thread)
  t.equal((await threadManager.messages.list(thread.id, {})).data.length, 1)
  await t.rejects(threadManager.threads.get('thread_none'), { status: 404, message: "No thread found with id 'thread_none'." })
})

test('request ids that the host gives are kept when they are of the API\'s form', async t => {
  const server = await startServer(t, { fastify: { genReqId: () => `req_${'a'.repeat(32)}` } })
  t.equal((await server.get('/assistants')).headers.get('x-request-id'), `req_${'a'.repeat(32)}`)
})

test('a plugin that has asked a model leaves the fetch of the process as it was', async t => {
  const upstream = await startUpstream(t, { script: [text('Hi.')] })
  const script = fileURLToPath(new URL('host-fetch.js', import.meta.url))
  // Length headers that a caller sets are what Node's own fetch takes, and that of the package undici refuses.
  const { stdout } = await promisify(execFile)(process.execPath, [script, upstream.url])
  t.equal(stdout, '200')
})
