import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { cleanFilename } from '../../lib/files/filename.js'
import { isSupportedName } from '../../lib/retrieval/parse/detect.js'
import { makeTemporaryFolder } from '../../lib/vector-stores/temporary-index.js'
import { newThread, startServer, type TestServer } from '../helpers/server.js'

async function part (server: TestServer, uploadId: string, bytes: number): Promise<number> {
  const form = new FormData()
  form.set('data', new File(['x'.repeat(bytes)], 'part'))
  const response = await fetch(`${server.baseURL}/uploads/${uploadId}/parts`, { method: 'POST', body: form })
  await response.arrayBuffer()
  return response.status
}

async function upload (server: TestServer, bytes: number): Promise<string> {
  return (await server.post('/uploads', { filename: 'a.txt', purpose: 'assistants', bytes, mime_type: 'text/plain' })).body.id
}

test('an upload takes no more than it was announced to, repetitions aside', async t => {
  const server = await startServer(t)
  const one = await upload(server, 1)
  t.equal(await part(server, one, 1000), 413, 'no part is larger than the whole')
  const id = await upload(server, 100)
  for (const status of [200, 200, 400, 400]) t.equal(await part(server, id, 100), status)
})

test('parts that come at the same time are all counted', async t => {
  const server = await startServer(t)
  const id = await upload(server, 100)
  const statuses = await Promise.all(Array.from({ length: 8 }, async () => await part(server, id, 50)))
  t.equal(statuses.filter(status => status === 200).length, 4)
})

const rights = (path: string): number => statSync(path).mode & 0o777

function everything (folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).map(entry => join(entry.parentPath ?? folder, entry.name))
}

test('what the server writes only its own user may read', async t => {
  const folder = t.testdir()
  const server = await startServer(t, { storage: `sqlite:${join(folder, 'new', 'data.db')}` })
  const file = await server.client().files.create({ file: new File(['Penguins.'], 'a.txt'), purpose: 'assistants' })
  const store = await server.client().vectorStores.create({ file_ids: [file.id] })
  await server.client().vectorStores.files.poll(store.id, file.id, { pollIntervalMs: 20 })
  await server.post(`/vector_stores/${store.id}/search`, { query: 'penguins' })
  const written = everything(join(folder, 'new'))
  t.ok(written.some(path => path.endsWith('data.db-index')), 'the index is among it')
  for (const path of [join(folder, 'new'), ...written]) t.equal(rights(path) & 0o077, 0, path)
})

test('a temporary index lies in a folder of its own; what a dead process has left is removed', t => {
  const root = t.testdir()
  const leave = (name: string, ageS: number): string => {
    const path = join(root, name)
    mkdirSync(path)
    writeFileSync(join(path, 'index.db'), '')
    const at = Date.now() / 1000 - ageS
    for (const each of [join(path, 'index.db'), path]) utimesSync(each, at, at)
    return path
  }
  // No process has so high a number.
  const dead = leave('openai-compat-index-4194305-abc', 7200)
  const fresh = leave('openai-compat-index-4194305-def', 10)
  const alive = leave(`openai-compat-index-${process.pid}-abc`, 7200)
  const foreign = leave('something-else-4194305-abc', 7200)
  const made = makeTemporaryFolder(root)
  t.equal(rights(made), 0o700)
  t.notOk(existsSync(dead))
  for (const path of [fresh, alive, foreign]) t.ok(existsSync(path), path)
  t.end()
})

test('a name is what it looks like', t => {
  t.equal(cleanFilename('invoice\u202Efdp.exe'), 'invoicefdp.exe')
  t.equal(cleanFilename('\u2066a\u200f.txt\ufeff'), 'a.txt')
  for (const name of ['x.constructor', 'x.toString', 'x.__proto__', 'x.hasownproperty']) t.equal(isSupportedName(name, 'all'), false, name)
  t.end()
})

test('a key function that returns nothing useful refuses', async t => {
  for (const result of [undefined, null, false, '', 0, {}]) {
    const server = await startServer(t, { apiKeys: () => result as never })
    t.equal((await server.get('/assistants', { authorization: 'Bearer sk-any' })).status, 401, String(result))
  }
})

test('answers are for the caller alone, and none is taken for a page', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  for (const path of [`/threads/${thread.id}`, '/threads/thread_none', '/models']) {
    const { headers } = await server.get(path)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('cache-control'), 'no-store')
  }
})

test('a query is not logged, for there may be a key in it', async (t: Test) => {
  const { buildServer } = await import('../../lib/server.js')
  const lines: string[] = []
  const app = buildServer({ logging: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } as never })
  t.teardown(async () => await app.close())
  for (const url of ['/v1/assistants?api_key=sk-secret', '/v1/nothing?key=sk-secret', '/v1/%zz?key=sk-secret']) await app.inject(url)
  t.ok(lines.length > 0)
  t.notMatch(lines.join(''), /sk-secret/)
})
