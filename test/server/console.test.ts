import Fastify from 'fastify'
import { test } from 'tap'
import { buildServer, openaiCompat, openaiCompatConsole } from '../../lib/index.js'
import { covers, startServer } from '../helpers/server.js'

test('the console is one page that may talk to its own server only', async t => {
  const app = buildServer({ console: true })
  t.teardown(async () => await app.close())
  const page = await app.inject('/console/')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /^text\/html/)
  const policy = String(page.headers['content-security-policy'])
  for (const rule of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) t.ok(policy.includes(rule), rule)
  t.notMatch(policy, /unsafe|https?:|\*/)
  t.match(page.headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-cache' })
  t.notMatch(page.body, /<script(?! type="module")|https?:|<style|style=/, 'nothing inline, nothing from elsewhere')
  t.match(await app.inject('/console'), { statusCode: 302, headers: { location: './console/' } })
  t.strictSame((await app.inject('/console/config.json')).json().api, '../v1')
})

test('its files are compressed, and kept by browsers', async t => {
  const app = buildServer({ console: true })
  t.teardown(async () => await app.close())
  const { body } = await app.inject('/console/')
  const [, script = ''] = /src="\.\/(assets\/[^"]+\.js)"/.exec(body) ?? []
  const whole = await app.inject(`/console/${script}`)
  const small = await app.inject({ url: `/console/${script}`, headers: { 'accept-encoding': 'gzip, br' } })
  t.match(whole, { statusCode: 200, headers: { 'cache-control': /immutable/, 'content-type': /javascript/ } })
  t.match(small.headers, { 'content-encoding': 'gzip', vary: 'accept-encoding' })
  t.ok(small.rawPayload.length < 250_000, `${small.rawPayload.length} bytes`)
  t.equal((await app.inject({ url: `/console/${script}`, headers: { 'if-none-match': String(whole.headers.etag) } })).statusCode, 304)
  for (const path of ['assets/none.js', '../package.json', '..%2fpackage.json', '%2e%2e/package.json', 'assets']) t.equal((await app.inject(`/console/${path}`)).statusCode, 404, path)
})

test('a server has no console unless it is asked for', async t => {
  const app = buildServer()
  t.teardown(async () => await app.close())
  t.equal((await app.inject('/console/')).statusCode, 404)
})

test('a host chooses where the console is, and keeps its own headers elsewhere', async t => {
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(openaiCompat, { prefix: '/ai/v1' })
  await app.register(openaiCompatConsole, { prefix: '/tools/chat', api: '/ai/v1' })
  app.get('/', async () => 'mine')
  t.equal((await app.inject('/tools/chat/config.json')).json().api, '../../ai/v1')
  t.match(await app.inject('/tools/chat'), { statusCode: 302, headers: { location: './chat/' } })
  t.equal((await app.inject('/tools/chat/')).statusCode, 200)
  t.equal((await app.inject('/')).headers['content-security-policy'], undefined)
  await t.rejects(async () => await Fastify().register(openaiCompatConsole, { prefix: 'chat' }), { message: /Option "prefix" of the console must be a path/ })
  await t.rejects(async () => await Fastify().register(openaiCompatConsole, { pefix: '/x' } as object), { message: /Option "pefix" does not exist/ })
})

test('a server tells how it is set up, without keys and addresses', async t => {
  covers(t, 'getServer')
  const server = await startServer(t, { aliases: { 'gpt-4*': 'test-model' }, defaultModel: 'test-model', limits: { lockWaitMs: Infinity } })
  const { body } = await server.get('/server?model=gpt-4-turbo')
  t.match(body, {
    object: 'server',
    providers: [{ name: 'default', default: true, answers: true, models: 1 }],
    default_model: 'test-model',
    aliases: { 'gpt-4*': 'test-model' },
    limits: { runExpiresS: 600, lockWaitMs: null },
    resolved: { asked: 'gpt-4-turbo', provider: 'default', model: 'test-model', listed: true }
  })
  t.notMatch(JSON.stringify(body), /sk-upstream|127\.0\.0\.1/)
  t.match((await server.get('/server?model=other')).body.resolved, { model: 'other', listed: false })
  t.notOk('resolved' in (await server.get('/server')).body)
})

test('what a server does now is told to administrators, and to all where there is one project', async t => {
  const alone = await startServer(t)
  t.match((await alone.get('/server')).body.live, { streams: 0, active_runs: 0, indexing_stores: 0, sandboxes: 0, held_bytes: Number, event_loop_lag_ms: Number })
  const shared = await startServer(t, { apiKeys: [{ key: 'sk-a', project: 'a' }, { key: 'sk-b', project: 'b' }, { key: 'sk-admin', project: 'c', admin: true }] as never })
  t.equal((await shared.get('/server', { authorization: 'Bearer sk-a' })).body.live, undefined)
  t.match((await shared.get('/server', { authorization: 'Bearer sk-admin' })).body.live, { active_runs: 0 })
})

test('a provider that does not answer is said not to', async t => {
  const server = await startServer(t, { providers: { gone: { baseURL: 'http://127.0.0.1:1/v1', maxRetries: 0 } } })
  t.match((await server.get('/server')).body.providers, [{ name: 'gone', answers: false, models: 0 }])
})
