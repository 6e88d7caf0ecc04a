import { test } from 'tap'
import { rewriteAzureUrl } from '../../lib/http/azure.js'
import { ManualClock } from '../helpers/clock.js'
import { sdks } from '../helpers/sdk.js'
import { startServer } from '../helpers/server.js'

const key = 'sk-alpha-0123456789abcdef'
const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

test('a key is taken as bearer, as basic password and as api-key', async t => {
  const server = await startServer(t, { apiKeys: ['sk-other', key] })
  const accepted: Record<string, string>[] = [
    { authorization: `Bearer ${key}` },
    { authorization: `bearer  ${key} ` },
    { authorization: basic('', key) },
    { authorization: basic('anybody', key) },
    { 'api-key': key },
    { authorization: 'Bearer sk-other' },
    { authorization: `Bearer ${key}`, 'openai-organization': 'org-1', 'openai-project': 'proj_1' }
  ]
  for (const headers of accepted) t.equal((await server.get('/assistants', headers)).status, 200, JSON.stringify(headers))
})

test('without a key the answer says how to give one', async t => {
  const server = await startServer(t, { apiKeys: [key] })
  const absent: Record<string, string>[] = [{}, { authorization: '' }, { authorization: 'Bearer' }, { authorization: 'Bearer ' }, { authorization: key }, { authorization: basic('x', '') }, { 'api-key': '' }]
  for (const headers of absent) {
    const { status, body } = await server.get('/assistants', headers)
    t.match({ status, ...body.error }, {
      status: 401,
      message: /^You didn't provide an API key\. You need to provide your API key in an Authorization header using Bearer auth \(i\.e\. Authorization: Bearer YOUR_KEY\), /,
      type: 'authentication_error',
      param: null,
      code: 'invalid_api_key'
    }, JSON.stringify(headers))
  }
})

test('a wrong key is refused and never shown in full', async t => {
  const server = await startServer(t, { apiKeys: [key] })
  const wrong = ['sk-abcdefghijklmnopqrstuvwxyz', `${key}x`, key.slice(0, -1), 'short', 'sk-1', key.toUpperCase(), '🔑'.repeat(8), '__proto__', 'x'.repeat(4000)]
  for (const presented of wrong) {
    const asBasic = { authorization: basic('', presented) }
    // A header takes no emoji as it is.
    for (const headers of presented.includes('🔑') ? [asBasic] : [asBasic, { authorization: `Bearer ${presented}` }]) {
      const { status, body } = await server.get('/assistants', headers)
      t.match({ status, ...body.error }, { status: 401, message: /^Incorrect API key provided: /, type: 'authentication_error', param: null, code: 'invalid_api_key' })
      t.notOk(body.error.message.includes(presented))
    }
  }
  const { body } = await server.get('/assistants', { authorization: 'Bearer sk-abcdefghijklmnopqrstuvwxyz' })
  t.match(body.error.message, /^Incorrect API key provided: sk-ab\*\*\*yz\. You can find your API key/)
})

test('a wrong key is refused on every path, unknown ones included, before the body is looked at', async t => {
  const server = await startServer(t, { apiKeys: [key] })
  const headers = { authorization: 'Bearer sk-wrong-wrong-wrong' }
  for (const [method, path, body] of [['POST', '/assistants', '{"broken'], ['GET', '/nowhere'], ['DELETE', '/threads/x'], ['GET', '/models'], ['POST', '/threads/thread_1/runs', { stream: true }]] as const) {
    t.match(await server.request(method, path, body, headers), { status: 401, body: { error: { code: 'invalid_api_key' } } }, path)
  }
})

test('every 401 is an authentication_error with the code invalid_api_key, for every way to authenticate and every address', async t => {
  const clock = new ManualClock(Date.parse('2026-01-02T00:00:00Z'))
  const unauthorized = { status: 401, body: { error: { message: /./, type: 'authentication_error', param: null, code: 'invalid_api_key' } } }
  const byKeys = { clock, apiKeys: [{ key: 'sk-late-0123456789', project: 'a', expires: '2026-01-01' }, { key, project: 'b' }], quotas: { requestsPerMinute: 1 } }
  const fastify = { rewriteUrl: rewriteAzureUrl('/v1') } as never
  const servers = {
    keys: await startServer(t, { ...byKeys, fastify }),
    function: await startServer(t, { apiKeys: () => false, fastify }),
    'async function': await startServer(t, { apiKeys: async () => undefined, requireBetaHeader: true, fastify })
  }
  const presented: Record<string, string>[] = [{}, { authorization: 'Bearer sk-late-0123456789' }, { authorization: 'Bearer ey.azure.token' }, { 'api-key': 'wrong' }, { authorization: basic('', 'wrong') }]
  for (const [way, server] of Object.entries(servers)) {
    for (const headers of presented) {
      for (const path of ['/assistants', '/models', '/chat/completions', '/nowhere']) t.match(await server.post(path, {}, headers), unauthorized, `${way} ${path} ${JSON.stringify(headers)}`)
      for (const url of ['/openai/threads?api-version=2024-05-01-preview', '/openai/deployments/m/chat/completions', '/api/projects/p/assistants?api-version=v1']) {
        const response = await server.app.inject({ method: 'POST', url, payload: {}, headers })
        t.match({ status: response.statusCode, body: response.json() }, unauthorized, `${way} ${url}`)
      }
    }
  }
})

test('health needs no key', async t => {
  const server = await startServer(t, { apiKeys: [key] })
  t.match(await server.get('/health'), { status: 200, body: { status: 'ok' } })
})

test('without configured keys everybody may call, with any key or none', async t => {
  const server = await startServer(t)
  for (const headers of [{}, { authorization: 'Bearer whatever' }, { authorization: 'Basic' }] as Record<string, string>[]) {
    t.equal((await server.get('/assistants', headers)).status, 200)
  }
})

test('a function of the request decides instead of keys', async t => {
  const server = await startServer(t, {
    apiKeys: async request => request.headers['x-user'] === 'ada' ? 'ada' : undefined
  })
  t.equal((await server.get('/assistants', { 'x-user': 'ada' })).status, 200)
  t.match(await server.get('/assistants'), { status: 401, body: { error: { message: /^You didn't provide an API key/ } } })
  t.match(await server.get('/assistants', { authorization: 'Bearer sk-1234567890abcdef' }), { status: 401, body: { error: { code: 'invalid_api_key' } } })
})

test('the beta header is demanded on assistants and threads only, and only when configured', async t => {
  const server = await startServer(t, { requireBetaHeader: true })
  const error = {
    message: 'You must provide the \'OpenAI-Beta\' header to access the Assistants API. Please try again by setting the header \'OpenAI-Beta: assistants=v2\'.',
    type: 'invalid_request_error',
    param: null,
    code: 'invalid_beta'
  }
  const paths = [['GET', '/assistants'], ['GET', '/assistants?limit=1'], ['POST', '/assistants'], ['POST', '/threads'], ['GET', '/threads/thread_1'], ['POST', '/threads/runs']] as const
  for (const [method, path] of paths) t.match(await server.request(method, path), { status: 400, body: { error } }, `${method} ${path}`)
  t.match(await server.get('/assistants', { 'openai-beta': 'assistants=v1' }), { status: 400, body: { error } })
  t.equal((await server.get('/assistants', { 'openai-beta': 'assistants=v2' })).status, 200)
  t.equal((await server.get('/assistants', { 'openai-beta': 'realtime=v1, assistants=v2' })).status, 200)
  t.equal((await server.get('/models')).status, 200)
  t.equal((await server.get('/health')).status, 200)
  t.equal((await server.get('/threadsandmore')).status, 404)
  const relaxed = await startServer(t)
  t.equal((await relaxed.get('/assistants')).status, 200)
})

for (const sdk of sdks) {
  test(`${sdk.name}: errors arrive as the SDK's own, with their code and request id`, async t => {
    const server = await startServer(t, { apiKeys: [key], requireBetaHeader: true })
    const refused = async (call: PromiseLike<unknown>) => {
      const error = await call.then(() => t.fail('not refused'), (error: any) => error)
      const { status, code, type, param, error: body } = error
      return { name: error.constructor.name, status, code, type, param, message: body?.message, id: error.requestID ?? error.request_id }
    }
    const id = /^req_[0-9a-f]{32}$/
    t.match(await refused(server.client(sdk).beta.assistants.list()), { name: 'AuthenticationError', status: 401, code: 'invalid_api_key', type: 'authentication_error', param: null, id })
    const { beta } = server.client(sdk, { apiKey: key })
    t.strictSame((await beta.assistants.list()).data, [])
    t.match(await refused(beta.threads.retrieve('thread_1')), { name: 'NotFoundError', status: 404, message: "No thread found with id 'thread_1'.", id })
    t.match(await refused(beta.assistants.create({ model: 'm', temperature: 3 })), { name: 'BadRequestError', status: 400, param: 'temperature', code: 'decimal_above_max_value', id })
  })
}
