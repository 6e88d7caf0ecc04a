import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import OpenAI from 'openai'
import { test } from 'tap'
import { createOpenAIServer, OpenAIServer, openaiCompatible, echo } from '../../lib/index.js'
import { built } from '../helpers/paths.js'
import { startProcess } from '../helpers/process.js'
import { startUpstream, text } from '../helpers/upstream.js'

const here = { port: 0, host: '127.0.0.1' }

test('a server starts, answers, stops, and starts again', async t => {
  const server = createOpenAIServer(undefined, here)
  t.teardown(() => server.stop())
  t.notOk(server.isRunning())
  await server.start()
  t.ok(server.isRunning())
  const first = server.getBaseUrl()
  t.match(first, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/v1$/)
  t.equal(first, server.getUrl() + '/v1')
  t.equal((await new OpenAI({ baseURL: first, apiKey: 'any' }).beta.assistants.create({ model: 'echo' })).model, 'echo')
  await server.stop()
  t.notOk(server.isRunning())
  await t.rejects(fetch(first + '/models'))
  await server.start()
  t.equal((await fetch(server.getBaseUrl() + '/models')).status, 200)
})

test('the URLs: as configured, and for a client on this machine', async t => {
  const url = (host?: string, prefix?: string): string[] => {
    const server = new OpenAIServer(undefined, { port: 8081, ...host === undefined ? {} : { host }, ...prefix === undefined ? {} : { prefix } })
    return [server.getUrl(), server.getBaseUrl()]
  }
  t.strictSame(url(), ['http://0.0.0.0:8081', 'http://127.0.0.1:8081/v1'])
  t.strictSame(url('::'), ['http://[::]:8081', 'http://[::1]:8081/v1'])
  t.strictSame(url('::1', '/openai/v1/'), ['http://[::1]:8081', 'http://[::1]:8081/openai/v1'])
  t.strictSame(url('example.com', ''), ['http://example.com:8081', 'http://example.com:8081'])
  t.equal(createOpenAIServer().getUrl(), 'http://0.0.0.0:8080', 'the defaults')
  t.throws(() => new OpenAIServer(undefined, { port: 0 }).getUrl(), { message: /its URL is known after start\(\)/ })
})

test('with every address listened on, both URLs can be used', async t => {
  const server = new OpenAIServer(undefined, { port: 0 })
  t.teardown(() => server.stop())
  await server.start()
  t.equal((await fetch(`${server.getUrl()}/health`)).status, 200)
  t.equal((await fetch(`${server.getBaseUrl()}/models`)).status, 200)
})

test('starting twice is an error, and changes nothing', async t => {
  const server = new OpenAIServer(undefined, here)
  t.teardown(() => server.stop())
  const first = server.start()
  await t.rejects(server.start(), { message: /^The server is started already/ })
  await first
  await t.rejects(server.start(), { message: /^The server is started already/ })
  t.equal((await fetch(server.getBaseUrl() + '/models')).status, 200)
})

test('stopping what is not started does nothing, and stopping twice stops once', async t => {
  const server = new OpenAIServer(undefined, here)
  await server.stop()
  await server.start()
  await Promise.all([server.stop(), server.stop()])
  await server.stop()
  t.notOk(server.isRunning())
})

test('stop() while starting waits for the start, and then stops', async t => {
  const server = new OpenAIServer(undefined, here)
  const started = server.start()
  await server.stop()
  await started
  t.notOk(server.isRunning())
  t.equal(server.app, undefined)
})

test('a taken port is a clear error, after which nothing is left open and the server can start', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const path = `${t.testdir()}/data.db`
  const server = new OpenAIServer(undefined, { port, host: '127.0.0.1', storage: `sqlite:${path}` })
  t.teardown(() => server.stop())
  await t.rejects(server.start(), { message: `Port ${port} on 127.0.0.1 is in use: stop the program that listens there, or choose another port.`, code: 'EADDRINUSE' })
  t.notOk(server.isRunning())

  const elsewhere = new OpenAIServer(undefined, { ...here, storage: `sqlite:${path}` })
  await elsewhere.start()
  await elsewhere.stop()
  t.pass('the store was given back')

  other.close()
  await once(other, 'close')
  await server.start()
  t.ok(server.isRunning())
})

test('a storage that cannot be opened rejects start(), and the port is free', async t => {
  const path = t.testdir({ file: '' })
  const server = new OpenAIServer(undefined, { ...here, storage: `sqlite:${path}/file/data.db` })
  await t.rejects(server.start(), { name: 'StorageUnavailableError' })
  t.notOk(server.isRunning())
  await server.stop()
})

const lives = {
  'one that served and stopped': `
    const server = createOpenAIServer(undefined, { port: 0, host: '127.0.0.1', storage: 'sqlite:data.db' })
    await server.start()
    // fetch keeps its connection open.
    await (await fetch(server.getBaseUrl() + '/assistants', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"model":"echo"}' })).json()
    await server.stop()
    await server.start()
    await server.stop()`,
  'one whose port was taken': `
    const { createServer } = await import('node:net')
    const other = createServer().listen(0, '127.0.0.1', async () => {
      const { port } = other.address()
      const server = createOpenAIServer({ baseURL: 'http://127.0.0.1:9/v1' }, { port, host: '127.0.0.1', storage: 'sqlite:data.db' })
      await server.start().catch(error => console.log(error.code))
      other.close()
    })`,
  'one whose store could not be opened': `
    await createOpenAIServer(undefined, { port: 0, storage: 'sqlite:script.mjs' }).start().catch(error => console.log(error.name))`
}

for (const [name, script] of Object.entries(lives)) {
  test(`a process with a server ends by itself: ${name}`, async t => {
    const cwd = t.testdir({ 'script.mjs': `import { createOpenAIServer } from ${JSON.stringify(`${built}/lib/index.js`)}\n${script}\nconsole.log('done')` })
    const { code, stdout, stderr } = await startProcess(t, process.execPath, { args: ['script.mjs'], cwd }).exited
    t.equal(stderr, '')
    t.match(stdout, 'done')
    t.equal(code, 0)
  })
}

test('what answers may be an endpoint, a provider, or several by name', async t => {
  const upstream = await startUpstream(t, { script: [text('Hello'), text('Hello'), text('Hello')] })
  const endpoint = { baseURL: upstream.url }
  for (const runtime of [endpoint, openaiCompatible(endpoint), { providers: { up: endpoint, echo: echo() }, aliases: { 'gpt-4': 'up/test-model' } }]) {
    const server = createOpenAIServer(runtime, here)
    await server.start()
    const client = new OpenAI({ baseURL: server.getBaseUrl(), apiKey: 'any' })
    t.match((await client.models.list()).data.map(model => model.id), ['test-model'])
    await server.stop()
  }
})

test('a bad option is a TypeError that names it, at once', async t => {
  const refuses = (config: object, message: RegExp): unknown => t.throws(() => new OpenAIServer(undefined, config), { name: 'TypeError', message })
  refuses({ apikeys: ['secret'] }, /^Option "apikeys" does not exist\. There are: .*apiKeys/)
  refuses({ port: 70_000 }, /^Option "port" must be a whole number from 0 to 65535, not 70000\.$/)
  refuses({ port: '80' }, /^Option "port"/)
  refuses({ host: '' }, /^Option "host"/)
  refuses({ prefix: 'v1' }, /^Option "prefix" must be a path such as "\/v1", not "v1"\.$/)
  t.throws(() => createOpenAIServer('gpt-4' as never), { name: 'TypeError', message: /^The runtime must be/ })
  t.throws(() => createOpenAIServer({ model: 'gpt-4' } as never), { name: 'TypeError', message: /^The runtime must be/ })
  t.throws(() => createOpenAIServer({ baseURL: 'http://a' }, { provider: { baseURL: 'http://b' } }), { name: 'TypeError', message: /^Option "provider" is given twice/ })
  await t.rejects(new OpenAIServer(undefined, { ...here, limits: { leaseMs: -1 } }).start(), { name: 'TypeError', message: /^Option "limits\.leaseMs"/ })
  await t.rejects(new OpenAIServer(undefined, { ...here, retrieval: { extensions: 'none' as never } }).start(), { name: 'TypeError', message: /^Option "retrieval\.extensions" must be 'all' or 'openai', not "none"/ })
  await t.rejects(new OpenAIServer(undefined, { ...here, retrieval: { ocr: ['../eng'] } }).start(), { name: 'TypeError', message: /^Option "retrieval\.ocr" must be false or a list of languages/ })
})
