/** Hosts that have decorators and plugins of their own, some of them under names that the API uses too. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import cors from '@fastify/cors'
import multipart from '@fastify/multipart'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import { ThreadManager } from '../../lib/index.js'
import openaiCompat from '../../lib/plugin.js'

function newApp (t: Test): FastifyInstance {
  const app = Fastify()
  t.teardown(async () => await app.close())
  return app
}

for (const name of ['threadManager', 'threadStorage']) {
  test(`a decorator "${name}" of the host is refused by name, before a store is opened`, async t => {
    const storage = `sqlite:${join(t.testdir({}), 'assistants.db')}`
    const refusal = { message: `This Fastify instance has a decorator "${name}" that fastify-openai-compat did not add: rename it, or register the plugin on an instance without it.` }

    const app = newApp(t)
    app.decorate(name, { mine: true })
    await t.rejects(async () => await app.register(openaiCompat, { prefix: '/v1', storage }), refusal)

    const parent = newApp(t)
    parent.decorate(name, { mine: true })
    await t.rejects(async () => await parent.register(async child => await child.register(openaiCompat, { storage })), refusal, 'a parent\'s decorator as well')
    t.notOk(existsSync(storage.slice('sqlite:'.length)))
  })
}

test('a ThreadManager that the host has made itself is not taken for the plugin\'s', async t => {
  const server = newApp(t)
  await server.register(openaiCompat, { prefix: '/v1' })
  const app = newApp(t)
  app.decorate('threadManager', server.threadManager)
  t.type(app.threadManager, ThreadManager)
  await t.rejects(async () => await app.register(openaiCompat), { message: /decorator "threadManager"/ })
})

test('the decorators are there in the contexts below, where a second registration leaves them alone', async t => {
  const app = newApp(t)
  await app.register(openaiCompat, { prefix: '/v1' })
  const { threadManager, threadStorage } = app
  await app.register(async child => {
    await child.register(openaiCompat, { prefix: '/two' })
    t.equal(child.threadManager, threadManager)
    t.equal(child.threadStorage, threadStorage)
  })
  t.equal((await app.inject('/two/assistants')).statusCode, 200)
})

test('a prefix that is taken is refused by name', async t => {
  for (const [first, second] of [['/v1', '/v1'], ['/v1', 'v1'], ['/v1', '/v1/'], [undefined, '']] as const) {
    const app = newApp(t)
    await app.register(openaiCompat, first === undefined ? {} : { prefix: first })
    await t.rejects(async () => await app.register(openaiCompat, { prefix: second }), { message: /^This Fastify instance has a route GET (\/v1)?\/assistants already: register fastify-openai-compat below another prefix/ })
  }
  const app = newApp(t)
  await app.register(async child => await child.register(openaiCompat, { prefix: '/v1' }), { prefix: '/ai' })
  await app.register(openaiCompat, { prefix: '/v1' })
  await t.rejects(async () => await app.register(openaiCompat, { prefix: '/ai/v1' }), { message: /a route GET \/ai\/v1\/assistants already/ })
})

test('a storage without its methods and aliases in a list are refused in words', async t => {
  for (const storage of [{}, { loadThread () {} }, 5]) {
    await t.rejects(async () => await newApp(t).register(openaiCompat, { storage: storage as never }), { name: 'TypeError', message: /^Option "storage" (?:is no storage: it has no \w+\(\)\. Give|must be a URL or a storage)/ })
  }
  for (const aliases of [['a'], 'a=b']) {
    await t.rejects(async () => await newApp(t).register(openaiCompat, { aliases: aliases as never }), { name: 'TypeError', message: /^Option "aliases" must be an object/ })
  }
})

test('request decorators of the host under any name stay what they are', async t => {
  const app = newApp(t)
  app.decorateRequest('openai', 'a client of the host\'s')
  app.decorateRequest('bodyText', 'text of the host\'s')
  app.get('/mine', async request => [(request as any).openai, (request as any).bodyText])
  await app.register(openaiCompat, { prefix: '/v1' })
  t.strictSame((await app.inject('/mine')).json(), ['a client of the host\'s', 'text of the host\'s'])
  t.equal((await app.inject({ method: 'POST', url: '/v1/assistants', payload: { model: 'echo' } })).json().object, 'assistant')
  const completion = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { model: 'echo', messages: [{ role: 'user', content: 'Hi' }] } })
  t.equal(completion.json().object, 'chat.completion')
})

test('a host that marks all routes as public, in whatever way, opens none of the API', async t => {
  const app = newApp(t)
  app.addHook('onRoute', route => { route.config = { ...route.config, public: true, auth: false } as object })
  await app.register(openaiCompat, { prefix: '/v1', apiKeys: ['sk-right'] })
  t.equal((await app.inject('/v1/assistants')).statusCode, 401)
  t.equal((await app.inject('/v1/nowhere')).statusCode, 401)
  t.equal((await app.inject('/v1/health')).statusCode, 200)
})

for (const [kind, options] of [['OpenAPI 3', { openapi: {} }], ['Swagger 2', { swagger: {} }]] as const) {
  test(`the ${kind} transform of a host is for its own routes`, async t => {
    const app = newApp(t)
    const seen: string[] = []
    await app.register(swagger, {
      ...options,
      transform: ({ schema, url }) => {
        seen.push(url)
        if (url !== '/mine') throw new Error(`a foreign route: ${url}`)
        return { schema, url }
      }
    })
    app.get('/mine', { schema: { summary: 'mine' } }, async () => 'mine')
    await app.register(openaiCompat, { prefix: '/v1' })
    await app.ready()
    const { paths } = app.swagger() as { paths: Record<string, Record<string, { operationId?: string, summary?: string }>> }
    t.strictSame(seen, ['/mine'])
    t.match(paths['/v1/threads/{thread_id}/runs']?.post, { operationId: 'createRun', summary: 'Create run', tags: ['Threads'] })
    t.match(paths['/v1/models/{model}']?.get, { operationId: 'retrieveModel' })

    const document = (await app.inject('/v1/openapi.json')).json()
    t.notOk('/mine' in document.paths)
    t.match(document.paths['/threads/{thread_id}/runs'].post, { summary: 'Create run', responses: { 200: { content: { 'text/event-stream': Object } } } })
  })
}

const preflight = { method: 'OPTIONS', url: '/v1/assistants', headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' } } as const

test('the cross-origin rules of a host hold for the API, whose own stand aside', async t => {
  const app = newApp(t)
  await app.register(cors, { origin: 'https://app.example' })
  await app.register(openaiCompat, { prefix: '/v1', apiKeys: ['sk-right'] })
  t.match(await app.inject(preflight), { statusCode: 204, headers: { 'access-control-allow-origin': 'https://app.example' } })
  const answer = await app.inject({ url: '/v1/assistants', headers: { origin: 'https://else.example', authorization: 'Bearer sk-right' } })
  t.match(answer, { statusCode: 200, headers: { 'access-control-allow-origin': 'https://app.example' } }, 'not opened to every origin')
})

test('cross-origin rules for the API where the host has some already are refused by name', async t => {
  const app = newApp(t)
  await app.register(cors)
  await t.rejects(async () => await app.register(openaiCompat, { prefix: '/v1', cors: { origin: 'https://app.example' } }), {
    message: 'Option "cors" cannot be given here: this Fastify instance has @fastify/cors already, and its rules hold for the API too.'
  })
})

test('forms are read where the host reads forms in its own way', async t => {
  const app = newApp(t)
  await app.register(multipart, { attachFieldsToBody: true, limits: { fileSize: 1 } })
  await app.register(openaiCompat, { prefix: '/v1' })
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new Blob(['Hello world.']), 'hello.txt')
  const { body, headers } = await encoded(form)
  const answer = await app.inject({ method: 'POST', url: '/v1/files', headers, payload: body })
  t.match(answer.json(), { object: 'file', bytes: 12 })
})

async function encoded (form: FormData): Promise<{ body: Buffer, headers: Record<string, string> }> {
  const response = new Response(form)
  return { headers: { 'content-type': response.headers.get('content-type')! }, body: Buffer.from(await response.arrayBuffer()) }
}

/** An application whose hook answers requests below /v1 with this error. */
async function refusing (t: Test, thrown: unknown): Promise<FastifyInstance> {
  const app = newApp(t)
  app.addHook('onRequest', async request => {
    if (request.headers['x-refuse'] !== undefined) throw thrown
  })
  await app.register(openaiCompat, { prefix: '/v1' })
  return app
}

test('the status that a hook of the host chooses is kept, in the API\'s envelope', async t => {
  const asked = { method: 'POST', url: '/v1/threads', headers: { 'x-refuse': '1' } } as const
  const limited = await (await refusing(t, Object.assign(new Error('Rate limit exceeded, retry in 1 minute'), { statusCode: 429 }))).inject(asked)
  t.equal(limited.statusCode, 429)
  t.strictSame(limited.json(), { error: { message: 'Rate limit exceeded, retry in 1 minute', type: 'rate_limit_error', param: null, code: 'rate_limit_exceeded' } })

  const bare = await (await refusing(t, { statusCode: 429 })).inject(asked)
  t.match(bare.json(), { error: { message: 'Too Many Requests', code: 'rate_limit_exceeded' } })

  const pressed = await (await refusing(t, Object.assign(new Error('Service Unavailable'), { statusCode: 503, code: 'FST_UNDER_PRESSURE' }))).inject(asked)
  t.equal(pressed.statusCode, 503)
  t.notMatch(pressed.headers, { 'x-should-retry': 'false' })
  t.match(pressed.json(), { error: { message: 'Service Unavailable', type: 'server_error', code: null } })

  const broken = await (await refusing(t, new Error('the secret'))).inject(asked)
  t.equal(broken.statusCode, 500)
  t.notMatch(broken.body, 'secret')
  t.equal(broken.headers['x-should-retry'], 'false')
})

test('the log has the id that the client was given, however the host numbers its requests', async t => {
  const lines: any[] = []
  const app = Fastify({ genReqId: () => 'host-7', logger: { stream: { write: line => { lines.push(JSON.parse(line)) } } } })
  t.teardown(async () => await app.close())
  await app.register(openaiCompat, { prefix: '/v1' })
  const { headers } = await app.inject('/v1/assistants')
  t.match(headers['x-request-id'], /^req_[0-9a-f]{32}$/)
  t.match(lines.at(-1), { reqId: 'host-7', request_id: headers['x-request-id'], msg: 'request completed' })
})

test('the log has the id that the client gave, shortened, whether or not the request is let in', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: { stream: { write: line => { lines.push(JSON.parse(line)) } } } })
  t.teardown(async () => await app.close())
  await app.register(openaiCompat, { prefix: '/v1', apiKeys: ['sk-right'] })
  for (const [headers, id] of [
    [{ 'x-request-id': 'theirs-1', authorization: 'Bearer sk-right' }, 'theirs-1'],
    [{ 'x-request-id': 'of a proxy', 'x-client-request-id': 'theirs-2' }, 'theirs-2'],
    [{ 'x-request-id': 'x'.repeat(1000) }, 'x'.repeat(256)]
  ] as const) {
    await app.inject({ url: '/v1/assistants', headers })
    t.match(lines.at(-1), { client_request_id: id, msg: 'request completed' })
  }
  await app.inject({ url: '/v1/assistants' })
  t.notOk('client_request_id' in lines.at(-1))
})

test('browsers may read what the SDKs look at', async t => {
  const app = newApp(t)
  await app.register(openaiCompat, { prefix: '/v1' })
  const { headers } = await app.inject({ url: '/v1/assistants', headers: { origin: 'https://example.org' } })
  const exposed = String(headers['access-control-expose-headers']).split(', ')
  for (const name of ['x-request-id', 'x-should-retry', 'retry-after', 'retry-after-ms', 'openai-poll-after-ms', 'content-disposition']) t.ok(exposed.includes(name), name)
})
