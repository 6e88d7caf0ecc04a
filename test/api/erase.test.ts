import { test } from 'tap'
import { startServer, type TestServer } from '../helpers/server.js'
import { temporaryFolder } from '../helpers/stores.js'
import { startCli } from '../helpers/process.js'
import { Gate, gated, text } from '../helpers/upstream.js'

const as = (key: string) => ({ authorization: `Bearer ${key}` })
const KEYS = [{ key: 'sk-a', project: 'a', mayErase: true }, { key: 'sk-b', project: 'b', mayErase: true }, { key: 'sk-plain', project: 'a' }]

async function upload (server: TestServer, words: string, key: string, purpose = 'assistants'): Promise<any> {
  const form = new FormData()
  form.set('purpose', purpose)
  form.set('file', new Blob([words]), 'secret.txt')
  return await (await fetch(`${server.baseURL}/files`, { method: 'POST', headers: as(key), body: form })).json()
}

/** One object of every kind, all of which hold the word. */
async function fill (server: TestServer, key: string, word: string) {
  const post = async (path: string, body: object) => (await server.post(path, body, as(key))).body
  const file = await upload(server, `${word} in a file`, key)
  const store = await post('/vector_stores', { name: word, file_ids: [file.id] })
  for (let status = ''; status !== 'completed';) status = (await server.get(`/vector_stores/${store.id}`, as(key))).body.status
  const assistant = await post('/assistants', { model: 'test-model', instructions: word, metadata: { word } })
  await post('/uploads', { bytes: 10, filename: `${word}.txt`, mime_type: 'text/plain', purpose: 'assistants' })
  const message = { role: 'user', content: word, attachments: [{ file_id: file.id, tools: [{ type: 'file_search' }] }] }
  const thread = (await server.post('/threads', { messages: [message], metadata: { word } }, { ...as(key), 'idempotency-key': `of ${word}` })).body
  return { file, store, assistant, thread }
}

const lists = async (server: TestServer, key: string) => await Promise.all(['assistants', 'threads', 'files', 'vector_stores']
  .map(async path => (await server.get(`/${path}`, as(key))).body.data.length))

test('a project is erased as a whole: nothing of it is found any more, in the store neither, and others keep theirs', async t => {
  const folder = temporaryFolder(t)
  const storage = process.env.TEST_STORE === undefined ? `sqlite:${folder}/records.db` : undefined
  const server = await startServer(t, { ...storage === undefined ? {} : { storage }, apiKeys: KEYS })
  const mine = await fill(server, 'sk-a', 'Xanthippe')
  await fill(server, 'sk-b', 'Penelope')
  const gate = new Gate()
  server.upstream.enqueue(gated(text('Xanthippe'), gate))
  await server.post(`/threads/${mine.thread.id}/runs`, { assistant_id: mine.assistant.id }, as('sk-a'))
  await server.upstream.next()
  const before = await lists(server, 'sk-b')

  t.equal((await server.post('/project/erase', { project: 'a' }, as('sk-plain'))).status, 403, 'only a key that may')
  t.match(await server.post('/project/erase', { project: 'b' }, as('sk-a')), { status: 404, body: { error: { param: 'project' } } }, 'only its own project')
  t.strictSame(await lists(server, 'sk-a'), [1, 1, 1, 2])

  const { status, body } = await server.post('/project/erase', { project: 'a' }, as('sk-a'))
  t.equal(status, 200)
  t.strictSame(body, { id: 'a', object: 'project.erased', erased: { assistants: 1, threads: 1, vector_stores: 2, uploads: 1, files: 1 } })
  gate.open(Infinity)
  t.strictSame(await lists(server, 'sk-a'), [0, 0, 0, 0])
  t.strictSame(await lists(server, 'sk-b'), before)
  t.strictSame((await server.post('/project/erase', { project: 'a' }, as('sk-a'))).body.erased, { assistants: 0, threads: 0, vector_stores: 0, uploads: 0, files: 0 }, 'it may be repeated')
  await server.close()
  if (storage === undefined) return
  const exported = await startCli(t, { args: ['export', '--storage', storage] }).exited
  t.equal(exported.code, 0)
  t.notMatch(exported.stdout, /Xanthippe/)
  t.match(exported.stdout, /Penelope/)
})

test('a thread is erased with the vector store of its attachments and, when asked, with its files', async t => {
  const server = await startServer(t, { apiKeys: KEYS })
  const first = await fill(server, 'sk-a', 'Xanthippe')
  const { status, body } = await server.post(`/threads/${first.thread.id}/erase`, {}, as('sk-plain'))
  t.equal(status, 200)
  t.strictSame(body, { id: first.thread.id, object: 'thread.erased', erased: { files: 0, vector_stores: 1 } })
  t.equal((await server.get(`/threads/${first.thread.id}`, as('sk-a'))).status, 404)
  t.equal((await server.get(`/files/${first.file.id}`, as('sk-a'))).status, 200, 'what was uploaded stays')
  t.equal((await server.get(`/vector_stores/${first.store.id}`, as('sk-a'))).status, 200)

  const second = await fill(server, 'sk-a', 'Ariadne')
  t.strictSame((await server.post(`/threads/${second.thread.id}/erase`, { files: 'all' }, as('sk-a'))).body.erased, { files: 1, vector_stores: 1 })
  t.equal((await server.get(`/files/${second.file.id}`, as('sk-a'))).status, 404)
  t.equal((await server.post(`/threads/${second.thread.id}/erase`, {}, as('sk-a'))).status, 404)
  t.equal((await server.post(`/threads/${second.thread.id}/erase`, { files: 'some' }, as('sk-a'))).status, 400)
})

test('the command erases a thread or a project in the store, and wants to be sure', async t => {
  const folder = temporaryFolder(t)
  const storage = `sqlite:${folder}/records.db`
  const server = await startServer(t, { storage, apiKeys: KEYS })
  const { thread } = await fill(server, 'sk-a', 'Xanthippe')
  await fill(server, 'sk-a', 'Ariadne')
  await fill(server, 'sk-b', 'Penelope')
  await server.close()

  const erase = async (...args: string[]) => await startCli(t, { args: ['erase', ...args, '--storage', storage] }).exited
  t.match(await erase('--project', 'a'), { code: 1, stderr: /everything of the project "a" for good: add --yes/ })
  t.match(await erase('--yes'), { code: 1, stderr: /needs --project/ })
  t.match(await erase('--project', 'c', '--yes'), { code: 1, stderr: /There is no project "c"/ })
  t.match(await erase('--project', 'b', '--thread', thread.id, '--yes'), { code: 1, stderr: /There is no thread thread_/ })
  t.match(await erase('--project', 'a', '--thread', thread.id, '--files', 'all', '--yes'), { code: 0, stdout: /^Erased the thread thread_\w+: 1 file, 1 vector store\.\n$/ })
  t.match(await erase('--project', 'a', '--yes'), { code: 0, stdout: /^Erased the project "a": 2 assistants, 1 thread, 3 vector stores, 2 uploads, 1 file\.\n$/ })
  t.notMatch((await startCli(t, { args: ['export', '--storage', storage] }).exited).stdout, /Xanthippe|Ariadne/)
})
