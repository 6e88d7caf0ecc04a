import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Socket } from 'node:net'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { test } from 'tap'
import { built } from '../helpers/paths.js'
import { startCli, startCommand } from '../helpers/process.js'
import { Gate, gated, startUpstream, text } from '../helpers/upstream.js'

const free = ['--port', '0', '--storage', 'memory:']

test('a first start with nothing set: two lines on stdout, and the printed request works as it stands', async t => {
  const cwd = t.testdir()
  const cli = startCli(t, { args: ['--port', '0'], cwd })
  const baseUrl = await cli.ready
  t.match(baseUrl, /^http:\/\/127\.0\.0\.1:\d+\/v1$/)
  t.match(await cli.logged('echo'), { level: 40, msg: /no model endpoint is configured and no Ollama answers at http:\/\/127\.0\.0\.1:9\/v1/ })
  for (const line of ['files are searched by', 'code_interpreter runs code in', 'the console is at', 'everything is kept in sqlite:']) t.ok(await cli.logged(line), line)
  t.ok(existsSync(`${cwd}/data/openai-compat.db`), 'the default storage')
  t.equal((await new OpenAI({ baseURL: baseUrl, apiKey: 'any' }).models.retrieve('echo')).owned_by, 'fastify-openai-compat')

  cli.child.kill('SIGTERM')
  const { code, stdout } = await cli.exited
  t.equal(code, 0)
  const [first, second, ...more] = stdout.split('\n')
  t.equal(first, `fastify-openai-compat listens on ${baseUrl}`)
  t.match(second, `curl -N ${baseUrl}/chat/completions `)
  t.strictSame(more, [''], 'nothing else')

  const again = startCli(t, { args: ['--port', new URL(baseUrl).port], cwd })
  t.equal(await again.ready, baseUrl)
  const { stdout: answer } = await promisify(execFile)('sh', ['-c', second!])
  t.match(answer, /^data: \{.*"content":"Hello!"/m, 'a reply, streamed')
})

test('--help and --version answer on stdout and end', async t => {
  const help = await startCli(t, { args: ['--help'] }).exited
  t.match(help, { code: 0, stdout: /^Usage: fastify-openai-compat/, stderr: '' })
  const version = await startCli(t, { args: ['-v'] }).exited
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' })
})

test('what was stored is there after a restart', async t => {
  const cwd = t.testdir()
  const first = startCli(t, { args: ['--port', '0'], cwd })
  const created = await new OpenAI({ baseURL: await first.ready, apiKey: 'any' }).beta.assistants.create({ model: 'echo', name: 'Keeper' })
  first.child.kill('SIGINT')
  t.match(await first.exited, { code: 0 })
  const second = startCli(t, { args: ['--port', '0'], cwd })
  const client = new OpenAI({ baseURL: await second.ready, apiKey: 'any' })
  t.strictSame(await client.beta.assistants.retrieve(created.id), created)
})

test('the models come from the endpoint of the flags, with its key', async t => {
  const upstream = await startUpstream(t, { apiKey: 'sk-upstream', script: [text('Hello there')] })
  const cli = startCli(t, { args: [...free, '--base-url', upstream.url, '--upstream-key', 'sk-upstream', '--alias', 'gpt-4*=test-model'] })
  const client = new OpenAI({ baseURL: await cli.ready, apiKey: 'any' })
  const assistant = await client.beta.assistants.create({ model: 'gpt-4-1106-preview' })
  const run = await client.beta.threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, { pollIntervalMs: 10 })
  t.equal(run.status, 'completed')
  t.equal(upstream.chats[0]?.body.model, 'test-model')
  cli.child.kill('SIGTERM')
  t.match((await cli.exited).stdout, /\ncurl http:\S+\/v1\/models\n$/, 'no model is known, so the request asks for them')
})

test('an Ollama that answers is used, and named in the log', async t => {
  const upstream = await startUpstream(t, { models: ['nomic-embed-text', 'llama3.2'], script: [text('Hello there')] })
  const cli = startCli(t, { args: free, env: { OLLAMA_BASE_URL: upstream.url } })
  const baseUrl = await cli.ready
  t.match(await cli.logged('Ollama'), { msg: `models are served by Ollama at ${upstream.url}` })
  const { data } = await new OpenAI({ baseURL: baseUrl, apiKey: 'any' }).models.list()
  t.strictSame(data.map(model => model.id), ['nomic-embed-text', 'llama3.2'])
  cli.child.kill('SIGTERM')
  t.match((await cli.exited).stdout, '"model":"llama3.2","stream":true')
})

test('keys are demanded, never shown, and each works in its project', async t => {
  const cli = startCli(t, { args: [...free, '--host', '0.0.0.0', '--log-level', 'trace'], env: { API_KEYS: 'sk-one=red,sk-two=blue' } })
  const baseUrl = await cli.ready
  t.match(baseUrl, 'http://127.0.0.1:', 'an address that a client can use')
  t.equal((await fetch(`${baseUrl}/models`)).status, 401)
  t.equal((await fetch(new URL('/health', baseUrl))).status, 200)
  const red = new OpenAI({ baseURL: baseUrl, apiKey: 'sk-one' })
  const { id } = await red.beta.assistants.create({ model: 'echo' })
  await t.rejects(new OpenAI({ baseURL: baseUrl, apiKey: 'sk-two' }).beta.assistants.retrieve(id), { message: /^404/ })
  await t.rejects(new OpenAI({ baseURL: baseUrl, apiKey: 'sk-three' }).beta.assistants.retrieve(id), { message: /^401/ })
  cli.child.kill('SIGTERM')
  const { stdout, stderr } = await cli.exited
  t.match(stdout, '-H "Authorization: Bearer $API_KEY"')
  t.notMatch(stdout + stderr, /sk-(one|two|three)/)
  t.notMatch(stderr, 'no API key is set')
})

test('an open server that others can reach is warned of', async t => {
  const cli = startCli(t, { args: [...free, '--host', '0.0.0.0'] })
  await cli.ready
  t.match(await cli.logged('no API key is set'), { level: 40 })
})

test('SIGTERM ends an open stream gracefully, within a second, and the run is taken up again', async t => {
  const gate = new Gate()
  const upstream = await startUpstream(t, { script: [gated(text('one two'), gate), text('one two')] })
  const cwd = t.testdir()
  const args = ['--port', '0', '--base-url', upstream.url]
  const cli = startCli(t, { args, cwd })
  const client = new OpenAI({ baseURL: await cli.ready, apiKey: 'any', maxRetries: 0 })
  const assistant = await client.beta.assistants.create({ model: 'test-model' })
  const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Hi' }] })
  const stream = await client.beta.threads.runs.create(thread.id, { assistant_id: assistant.id, stream: true })
  await gate.reached()

  const started = performance.now()
  cli.child.kill('SIGTERM')
  const events: string[] = []
  await t.rejects(async () => { for await (const { event } of stream) events.push(event) }, { code: 'shutting_down' }, 'the client gets the error')
  t.notOk(events.includes('thread.run.completed'))
  t.match(await cli.exited, { code: 0 })
  const ms = performance.now() - started
  // Some tens of milliseconds on an idle machine. What it must not be is the grace period, or the life of an idle connection.
  t.ok(ms < 3000, `${Math.round(ms)} ms`)

  const again = startCli(t, { args, cwd })
  const client2 = new OpenAI({ baseURL: await again.ready, apiKey: 'any' })
  const [run] = (await client2.beta.threads.runs.list(thread.id)).data
  const { status } = await client2.beta.threads.runs.poll(run!.id, { thread_id: thread.id }, { pollIntervalMs: 10 })
  t.equal(status, 'completed')
})

test('a second signal does not wait for what the first one waits for', async t => {
  const cli = startCli(t, { args: free })
  const baseUrl = new URL(await cli.ready)
  // A request whose body never ends is an answer under way.
  const socket = new Socket().connect(Number(baseUrl.port), baseUrl.hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write('POST /v1/threads HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n')
  await once(socket, 'data')
  cli.child.kill('SIGTERM')
  await cli.logged('SIGTERM: closing')
  cli.child.kill('SIGINT')
  t.match(await cli.exited, { code: 1 })
})

test('a server that npx has started ends with npx', async t => {
  // The shell is npx's; the command behind it keeps it from stepping aside.
  const npx = startCommand(t, 'sh', { args: ['-c', `"${process.execPath}" "${built}/lib/cli.js" ${free.join(' ')}; :`], env: { npm_lifecycle_event: 'npx' } })
  const url = `${await npx.ready}/models`
  npx.child.kill('SIGTERM')
  // Its output ends when the last process that writes to it does.
  t.match((await npx.exited).stderr, 'SIGTERM: closing')
  await t.rejects(fetch(url))
})
