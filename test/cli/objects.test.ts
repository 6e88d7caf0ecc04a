import { PassThrough } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { runObjects } from '../../lib/cli/objects.js'
import type { ObjectsCommand } from '../../lib/cli/objects-arguments.js'
import { newThread, startServer } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'
import { text } from '../helpers/upstream.js'

const red = { authorization: 'Bearer sk-red' }

async function cli (...argv: string[]): Promise<string> {
  const out = new PassThrough()
  await runObjects(readCommand(argv, {}) as ObjectsCommand, out)
  out.end()
  return await readAll(out)
}

/** A store with one run, and how the commands find it: by itself, or through a server. */
async function places (t: Test, url: string): Promise<{ ids: Record<'assistant' | 'thread' | 'run' | 'file', string>, server: string[], store: string[], close (): Promise<void> }> {
  const server = await startServer(t, { storage: url, apiKeys: { 'sk-red': 'red', 'sk-blue': 'blue' }, script: [text('Hello')] })
  const post = async (path: string, body: unknown) => (await server.post(path, body, red)).body
  const assistant = await post('/assistants', { model: 'test-model', name: 'Evil\u001b[2J' })
  const thread = await post('/threads', { messages: [{ role: 'user', content: 'Hi' }], metadata: { user: 'ann' } })
  await (await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }, red)).all()
  const [run] = (await server.get(`/threads/${thread.id}/runs`, red)).body.data
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new File(['content'], 'notes.txt'))
  const file = await (await fetch(`${server.baseURL}/files`, { method: 'POST', body: form, headers: red })).json() as { id: string }
  return { ids: { assistant: assistant.id, thread: thread.id, run: run.id, file: file.id }, server: ['--url', server.baseURL, '--key', 'sk-red'], store: ['--storage', url, '--project', 'red'], close: async () => await server.close() }
}

for (const { name, skip, url } of persistentStores) {
  test(`${name}: a server and its store show and delete the same`, { skip: await skip() }, async t => {
    const { ids, server, store, close } = await places(t, url(t))
    const looks: string[][] = [
      ['assistants', 'ls'], ['assistants', 'show', ids.assistant], ['threads', 'ls'], ['threads', 'ls', '--json'], ['threads', 'show', ids.thread], ['runs', 'ls', '--thread', ids.thread],
      ['runs', 'show', ids.run, '--thread', ids.thread], ['files', 'ls'], ['files', 'show', ids.file]
    ]
    const fromServer = []
    for (const argv of looks) fromServer.push(await cli(...argv, ...server))
    t.match(fromServer[0], new RegExp(`^id +created \\(UTC\\) +model +name\n${ids.assistant}  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d  test-model  Evil \\[2J\n$`), 'nothing moves the cursor')
    t.match(fromServer[2], `${ids.thread}  `)
    t.match(fromServer[2], '{"user":"ann"}')
    t.match(JSON.parse(fromServer[3]!), { id: ids.thread, object: 'thread' })
    t.match(JSON.parse(fromServer[4]!).messages.map(({ role }: any) => role), ['user', 'assistant'])
    t.match(fromServer[5], /completed {2}test-model/)
    t.match(JSON.parse(fromServer[6]!), { id: ids.run, steps: [{ type: 'message_creation' }] })
    t.match(fromServer[7], /7 +assistants {2}notes\.txt/)
    t.equal(await cli('files', 'rm', ids.file, ...server), `Deleted ${ids.file}.\n`)
    await close()
    for (const [i, argv] of looks.slice(0, 7).entries()) t.equal(await cli(...argv, ...store), fromServer[i], argv.join(' '))
    t.equal(await cli('files', 'ls', ...store), 'id  created (UTC)  bytes  purpose  filename\n')
    for (const [kind, id] of [['threads', ids.thread], ['assistants', ids.assistant]] as const) {
      t.equal(await cli(kind, 'rm', id, ...store), `Deleted ${id}.\n`)
      await t.rejects(cli(kind, 'show', id, ...store), { name: 'OperatorError', message: new RegExp(id) })
    }
  })
}

test('a list goes on over pages, up to its limit', async t => {
  const server = await startServer(t)
  for (let i = 0; i < 130; i++) await newThread(server)
  const count = async (...argv: string[]) => (await cli('threads', 'ls', '--url', server.baseURL, '--json', ...argv)).split('\n').length - 1
  t.equal(await count(), 20)
  t.equal(await count('--limit', '125'), 125)
  t.equal(await count('--limit', '1000'), 130)
})

test('what is of another project, is not there or cannot be reached is one sentence', async t => {
  const url = persistentStores[0]!.url(t)
  const { ids, server, close } = await places(t, url)
  const base = server[1]!
  await t.rejects(cli('threads', 'show', ids.thread, '--url', base, '--key', 'sk-blue'), { name: 'OperatorError', message: /^The server at \S+ says: No thread found/ })
  await t.rejects(cli('threads', 'ls', '--url', base), { name: 'OperatorError', message: /says: You didn't provide an API key/ })
  await t.rejects(cli('threads', 'ls', '--url', base.replace('/v1', '/nowhere')), { name: 'OperatorError', message: /^The server at/ })
  await t.rejects(cli('threads', 'ls', '--url', base.replace('/v1', '')), { name: 'OperatorError', message: /^The server at \S+ answered with HTTP 404: is it the base URL, with \/v1\?$/ })
  await t.rejects(cli('threads', 'ls', '--url', 'http://127.0.0.1:9/v1'), { name: 'OperatorError', message: 'The server at http://127.0.0.1:9/v1 does not answer.' })
  await close()
  await t.rejects(cli('threads', 'show', ids.thread, '--storage', url), { name: 'OperatorError', message: /No thread found/ })
  await t.rejects(cli('threads', 'ls', '--storage', url, '--project', 'green'), { name: 'OperatorError', message: 'There is no project "green" in the store.' })
  await t.rejects(cli('threads', 'ls', '--storage', 'sqlite:/nowhere/x.db'), { name: 'OperatorError', message: /^There is no SQLite file/ })
  for (const argv of [['threads', 'show'], ['runs', 'ls'], ['threads', 'ls', '--limit', '0'], ['threads', 'ls', '--key', 'k'], ['threads', 'ls', '--url', 'http://x/v1', '--project', 'p'], ['threads', 'rm', 'a', 'b'], ['threads', 'list']]) {
    t.throws(() => readCommand(argv, {}), { name: 'OperatorError' }, argv.join(' '))
  }
})
