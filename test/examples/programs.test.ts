import { readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import OpenAI from 'openai'
import { test, type Test } from 'tap'
import { buildServer } from '../../lib/server.js'
import { startCli } from '../helpers/process.js'
import { root } from '../helpers/paths.js'
import { startServer } from '../helpers/server.js'
import { text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'
import { startExample } from './helpers.js'

/** What each program says that ends by itself. */
const PROGRAMS: Record<string, string> = {
  'in-process.ts': 'Hello from this very process!\n',
  'server-tool.ts': 'completed 42\n',
  'custom-store.ts': 'After the restart the thread has messages of: assistant, user\n',
  'two-tenants.ts': 'Anna has [ "Anna\'s" ]\nBen has []\nBen asks for it: 404 \n',
  'cogitator.ts': 'You said: Hello!\n'
}

for (const [name, said] of Object.entries(PROGRAMS)) {
  test(`examples/${name} runs and ends`, async t => {
    t.strictSame(await startExample(t, name.replace(/\.ts$/, '.js')).exited, { code: 0, signal: null, stdout: said, stderr: '' })
  })
}

/** A server whose model answers from a script, and how clients find it. */
async function served (t: Test, ...script: UpstreamReply[]) {
  const server = await startServer(t, { script })
  return { server, env: { OPENAI_BASE_URL: server.baseURL, AZURE_OPENAI_ENDPOINT: server.baseURL.replace('/v1', ''), MODEL: 'test-model' } }
}

test('examples/terminal-chat.ts answers each line, and ends with the input', async t => {
  const { env } = await served(t, text(['Hel', 'lo!']), text('Still here.'))
  const { child, exited } = startExample(t, 'terminal-chat.js', { env })
  child.stdin!.end('Hi\n\nAnd now?\n')
  t.strictSame(await exited, { code: 0, signal: null, stdout: '> Hello!\n> > Still here.\n> ', stderr: '' })
})

test('examples/citations.ts prints the answer with its sources', async t => {
  const { env } = await served(t, toolCalls([{ name: 'file_search', arguments: { query: 'aquarium closed' } }]), text(['It is closed on Mondays', '【0:0†handbook.md】', '.']))
  t.strictSame(await startExample(t, 'citations.js', { env }).exited, { code: 0, signal: null, stdout: 'It is closed on Mondays [1].\n[1] handbook.md\n', stderr: '' })
})

test('examples/client-tools.ts answers calls until there are no more', async t => {
  const { server, env } = await served(t, toolCalls([{ id: 'call_1', name: 'add', arguments: { a: 19, b: 23 } }, { id: 'call_2', name: 'multiply', arguments: { a: 6, b: 7 } }]), text('Both are 42.'))
  t.strictSame(await startExample(t, 'client-tools.js', { env }).exited, { code: 0, signal: null, stdout: 'Both are 42.\n', stderr: '' })
  const { messages } = server.upstream.chats[1]!.body as { messages: { role: string, content: string }[] }
  t.strictSame(messages.filter(({ role }) => role === 'tool').map(({ content }) => content), ['42', '42'])
})

test('examples/azure-client.ts finds the API below /openai', async t => {
  const server = buildServer()
  t.teardown(async () => await server.close())
  const url = await server.listen({ port: 0, host: '127.0.0.1' })
  t.strictSame(await startExample(t, 'azure-client.js', { env: { AZURE_OPENAI_ENDPOINT: url } }).exited, { code: 0, signal: null, stdout: 'Hello from an Azure client!\n', stderr: '' })
})

test('examples/next-route.ts streams an answer, and goes on in its thread', async t => {
  const { server, env } = await served(t, text(['Hel', 'lo!']), text('Still here.'))
  Object.assign(process.env, env)
  t.teardown(() => { for (const name of Object.keys(env)) delete process.env[name] })
  const { POST } = await import('../../examples/next-route.js')
  const ask = async (body: object): Promise<Response> => await POST(new Request('http://localhost/api/chat', { method: 'POST', body: JSON.stringify(body) }))
  const first = await ask({ message: 'Hi' })
  t.match(first.headers.get('content-type'), 'text/plain')
  t.equal(await first.text(), 'Hello!')
  const threadId = first.headers.get('x-thread-id')!
  t.equal(await (await ask({ message: 'And now?', threadId })).text(), 'Still here.')
  t.equal((await server.get(`/threads/${threadId}/messages`)).body.data.length, 4)
})

test('examples/plugin.ts serves the API, and has ten lines at most', async t => {
  const { child } = startExample(t, 'plugin.js', { env: { PORT: '0' } })
  const [line] = await once(createInterface(child.stdout!), 'line') as [string]
  const baseURL = /http:\S+/.exec(line)?.[0] ?? ''
  t.match(baseURL, /\/v1$/)
  const assistant = await new OpenAI({ baseURL, apiKey: 'none' }).beta.assistants.create({ model: 'echo' })
  t.match(assistant.id, /^asst_/)
  t.ok(readFileSync(join(root, 'examples/plugin.ts'), 'utf8').trim().split('\n').length <= 10)
})

test('examples/openai-compat.config.js starts the command line', async t => {
  const { ready } = startCli(t, { args: ['--config', join(root, 'examples/openai-compat.config.js'), '--port', '0'] })
  const url = await ready
  const statusFor = async (key: string) => (await fetch(`${url}/assistants`, { headers: { authorization: `Bearer ${key}` } })).status
  t.strictSame([await statusFor('sk-web'), await statusFor('sk-other')], [200, 401])
})

test('every example has a line in examples/README.md, and is run by a test', async t => {
  const page = readFileSync(join(root, 'examples/README.md'), 'utf8')
  const files = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' }).filter(name => /\.(ts|js)$/.test(name))
  const tests = readdirSync(join(root, 'test/examples')).map(name => readFileSync(join(root, 'test/examples', name), 'utf8')).join('\n')
  for (const name of files) {
    t.ok(page.includes(`](${name})`), `${name} is listed`)
    const run = name.startsWith('extending/') ? name.replace(/^extending\/|(\.test)?\.ts$/g, '') : name
    t.ok(tests.includes(run), `${name} is run`)
  }
})
