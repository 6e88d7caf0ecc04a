import { readFile, readdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'tap'
import { newThread, startServer, type TestServer } from '../helpers/server.js'
import { startCli, type Exit } from '../helpers/process.js'
import { persistentStores, type StoreUrl } from '../helpers/stores.js'
import { hang, text, toolCalls } from '../helpers/upstream.js'
import { messagesOf, reaches, runnable, textOf } from '../instances/helpers/instances.js'
import { SqliteRecordStore } from '../../storage/sqlite/store.js'
import { exported, open } from './helpers.js'

const [sqlite] = persistentStores as [StoreUrl]
const admin = { authorization: 'Bearer sk-admin' }
const user = { authorization: 'Bearer sk-user' }
const apiKeys = [{ key: 'sk-admin', project: 'office', admin: true }, { key: 'sk-user', project: 'red' }, { key: 'sk-reader', project: 'office', admin: true, readOnly: true }]
const ask = [{ type: 'function', function: { name: 'ask' } }]

/** The server as the key of a project sees it. */
const as = (server: TestServer, headers: Record<string, string>): TestServer => ({
  ...server, get: async path => await server.get(path, headers), post: async (path, body) => await server.post(path, body, headers), delete: async path => await server.delete(path, headers)
})

async function exportOf (server: TestServer, query = ''): Promise<Uint8Array> {
  const response = await fetch(`${server.baseURL}/server/export${query}`, { headers: admin })
  if (!response.ok) throw new Error(await response.text())
  return new Uint8Array(await response.arrayBuffer())
}

async function importInto (server: TestServer, body: string | Uint8Array, query = ''): Promise<{ status: number, body: any }> {
  const response = await fetch(`${server.baseURL}/server/import${query}`, { method: 'POST', headers: { ...admin, 'content-type': 'application/x-ndjson' }, body })
  return { status: response.status, body: await response.json() }
}

async function uploadTo (server: TestServer, name: string, content: string, headers: Record<string, string>): Promise<any> {
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new File([content], name))
  return await (await fetch(`${server.baseURL}/files`, { method: 'POST', body: form, headers })).json()
}

for (const from of persistentStores) {
  test(`${from.name}: what runs goes over to a server that runs: a waiting run is answered there, a file found`, { skip: await from.skip() }, async t => {
    const old = await startServer(t, { storage: from.url(t), apiKeys, script: [toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }])] })
    const there = as(old, user)
    const { create } = await runnable(there, { tools: ask })
    const waiting = await reaches(there, await create(there), 'requires_action')
    const file = await uploadTo(old, 'fish.txt', 'The quokka eats fern.', user)
    const { body: store } = await there.post('/vector_stores', { file_ids: [file.id] })
    while ((await there.get(`/vector_stores/${store.id}`)).body.file_counts.completed !== 1);
    const lines = Buffer.from(await exportOf(old))
    await old.close()

    const target = await startServer(t, { storage: sqlite.url(t), apiKeys, script: [text('Done')] })
    const here = as(target, user)
    await newThread(here, 'It was here before')
    const { status, body } = await importInto(target, lines)
    t.equal(status, 200)
    t.strictSame(body.bad, [])
    t.match(body, { object: 'import', written: { assistant: 1, thread: 1, message: 1, run: 1, file: 1, vector_store: 1, vector_store_file: 1 }, there: 0, bad_lines: 0 })
    t.strictSame((await here.get(`/threads/${waiting.thread_id}/runs/${waiting.id}`)).body, waiting)
    await here.post(`/threads/${waiting.thread_id}/runs/${waiting.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '12' }] })
    await reaches(here, waiting, 'completed')
    t.strictSame((await messagesOf(here, waiting.thread_id)).map(textOf), ['Hello?', 'Done'])
    t.match((await here.post(`/vector_stores/${store.id}/search`, { query: 'quokka' })).body.data, [{ file_id: file.id }])
    t.equal(await (await fetch(`${target.baseURL}/files/${file.id}/content`, { headers: user })).text(), 'The quokka eats fern.')
    const { body: second } = await importInto(target, lines)
    t.strictSame([second.written, second.bad_lines], [{}, 0], 'a second time changes nothing')
  })
}

test('a run that was under way is gone on with by the server that it was brought into', async t => {
  const old = await startServer(t, { storage: sqlite.url(t), apiKeys, script: [hang(text('never'))] })
  const there = as(old, user)
  const { create } = await runnable(there)
  const run = await reaches(there, await create(there), 'in_progress')
  const lines = await exportOf(old)
  const target = await startServer(t, { storage: sqlite.url(t), apiKeys, script: [text('It goes on')] })
  await importInto(target, lines)
  await reaches(as(target, user), run, 'completed')
  t.strictSame((await messagesOf(as(target, user), run.thread_id)).map(textOf), ['Hello?', 'It goes on'])
})

test('a running server sends what a stopped one exports', async t => {
  const url = sqlite.url(t)
  const server = await startServer(t, { storage: url, apiKeys })
  for (let i = 0; i < 20; i++) await newThread(as(server, user), `Message ${i}`)
  await uploadTo(server, 'a.txt', 'bytes '.repeat(100_000), user)
  const withoutDate = (lines: string[]): string[] => lines.filter(line => line !== '' && !line.includes('"openai_compat.export"') && !line.includes('usage'))
  const live = Buffer.from(await exportOf(server)).toString().split('\n')
  await server.close()
  t.strictSame(withoutDate(live), withoutDate(await exported(await open(t, url))))
})

test('objects of the API come into a running server, in their order and the project that is named', async t => {
  const server = await startServer(t, { apiKeys })
  const assistants = Array.from({ length: 5 }, (_, i) => JSON.stringify({ id: `asst_${i}`, object: 'assistant', created_at: 1_700_000_000, model: 'test-model' }))
  await importInto(server, assistants.slice(0, 2).join('\n'), '?project=red')
  t.match((await importInto(server, assistants.slice(2).join('\n'), '?project=red&first_line=3')).body, { written: { assistant: 3 } })
  t.strictSame((await as(server, user).get('/assistants?order=asc')).body.data.map(({ id }: any) => id), [0, 1, 2, 3, 4].map(i => `asst_${i}`))
})

test('only keys of administrators move the whole store, and a reading one does not import', async t => {
  const server = await startServer(t, { apiKeys })
  const reader = { authorization: 'Bearer sk-reader' }
  const lines = { 'content-type': 'application/x-ndjson' }
  for (const [path, method] of [['/server/export', 'GET'], ['/server/export?format=sqlite', 'GET'], ['/server/import', 'POST']] as const) {
    t.match(await server.request(method, path, method === 'POST' ? '{}' : undefined, { ...user, ...lines }), { status: 403, body: { error: { code: 'insufficient_permissions' } } })
  }
  t.equal((await fetch(`${server.baseURL}/server/export`, { headers: reader })).status, 200)
  t.match(await server.request('POST', '/server/import', '{}', { ...reader, ...lines }), { status: 403 })
  const open = await startServer(t)
  t.match(await open.get('/server/export'), { status: 403, body: { error: { message: /without API keys does not offer it/ } } })
  t.match(await server.post('/server/import', { object: 'assistant' }, admin), { status: 400, body: { error: { message: /x-ndjson/ } } })
})

test('bad lines are named by their number, and what only means something to running servers is not taken in', async t => {
  const server = await startServer(t, { apiKeys })
  const record = (fields: object): string => JSON.stringify({ object: 'openai_compat.record', project: 'red', partition: 'files', kind: 'file', id: 'x', position: 1, body: {}, ...fields })
  const good = JSON.stringify({ id: 'asst_1', object: 'assistant', created_at: 1, model: 'test-model' })
  const bad = ['{"half":', record({ kind: 'lease' }), record({ project: '#system', kind: 'project' }), record({ kind: 'activeJob' })]
  const { body } = await importInto(server, [good, ...bad].join('\n'), '?first_line=11')
  t.match(body, { written: { assistant: 1 }, bad_lines: 4 })
  t.strictSame(body.bad.map(({ line }: any) => line), [12, 13, 14, 15])
  const { body: strict } = await importInto(server, [...bad, JSON.stringify({ id: 'asst_2', object: 'assistant', created_at: 1, model: 'test-model' })].join('\n'), '?strict=true')
  t.strictSame([strict.written, strict.bad_lines], [{}, 1])
  const long = `{"object":"assistant","id":"asst_3","created_at":1,"model":"m","instructions":"${'a'.repeat(64 * 1024 * 1024)}"}`
  t.match((await importInto(server, `${long}\n${JSON.stringify({ id: 'asst_4', object: 'assistant', created_at: 1, model: 'test-model' })}`)).body, { written: { assistant: 1 }, bad: [{ line: 1, reason: /longer than 67108864 bytes/ }] })
})

test('an import whose client goes away ends, leaves no bytes behind, and the next one begins', async t => {
  const url = sqlite.url(t)
  const server = await startServer(t, { apiKeys, storage: url })
  const { hostname, port } = new URL(server.baseURL)
  const sending = request({ hostname, port, path: '/v1/server/import', method: 'POST', headers: { ...admin, 'content-type': 'application/x-ndjson' } })
  sending.on('error', () => {})
  sending.write(`${JSON.stringify({ id: 'asst_1', object: 'assistant', created_at: 1, model: 'test-model' })}\n`)
  sending.write(`${JSON.stringify({ object: 'openai_compat.bytes', project: 'red', id: 'file-1', offset: 0, data: Buffer.alloc(100_000).toString('base64') })}\n`)
  const folder = `${url.slice('sqlite:'.length)}.blobs`
  const bytes = async (): Promise<string[]> => (await readdir(folder, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile()).map(({ name }) => name)
  while ((await bytes()).length === 0);
  t.match(await importInto(server, ''), { status: 409, body: { error: { code: 'transfer_under_way' } } }, 'one at a time')
  sending.destroy()
  while ((await importInto(server, '')).status !== 200);
  t.strictSame(await bytes(), [])
  t.equal((await server.get('/assistants/asst_1', { authorization: 'Bearer sk-admin' })).status, 404, 'it was for the default project')
})

test('an export that is not read holds nothing up, and one that is given up makes room for the next', async t => {
  const server = await startServer(t, { apiKeys })
  for (let i = 0; i < 8; i++) await uploadTo(server, 'a.bin', 'x'.repeat(4_000_000), user)
  const giveUp = new AbortController()
  await fetch(`${server.baseURL}/server/export`, { headers: admin, signal: giveUp.signal })
  const second = await server.request('GET', '/server/export', undefined, admin)
  t.match(second, { status: 409, body: { error: { code: 'transfer_under_way' } } })
  t.equal((await newThread(as(server, user), 'Meanwhile')).object, 'thread')
  giveUp.abort()
  for (;;) {
    const response = await fetch(`${server.baseURL}/server/export`, { headers: admin })
    await response.arrayBuffer()
    if (response.status === 200) break
  }
})

test('a copy of the SQLite file holds all that was acknowledged before it, while the server goes on writing', async t => {
  const url = sqlite.url(t)
  const server = await startServer(t, { storage: url, apiKeys })
  const mine = as(server, user)
  const before = []
  for (let i = 0; i < 50; i++) before.push((await newThread(mine, 'a'.repeat(10_000))).id)
  const done = new AbortController()
  const writing = (async () => { while (!done.signal.aborted) await newThread(mine, 'b'.repeat(10_000)) })()
  const folder = t.testdir()
  for (let i = 0; i < 5; i++) await writeFile(join(folder, `copy-${i}.db`), await exportOf(server, '?format=sqlite'))
  done.abort()
  await writing
  t.strictSame((await readdir(join(url.slice('sqlite:'.length), '..'))).filter(name => name.includes('.snapshot-')), [], 'nothing is left')
  const second = new SqliteRecordStore({ path: url.slice('sqlite:'.length) })
  await t.rejects(second.connect(), /Another process has the SQLite file|belongs|open/, 'the file is still its owner\'s alone')
  for (let i = 0; i < 5; i++) {
    const copy = await startServer(t, { storage: `sqlite:${join(folder, `copy-${i}.db`)}`, apiKeys })
    for (const id of before) t.equal((await as(copy, user).get(`/threads/${id}/messages`)).body.data.length, 1)
    await copy.close()
  }
  const memory = await startServer(t, { storage: 'memory:', apiKeys })
  t.match(await memory.get('/server/export?format=sqlite', admin), { status: 400, body: { error: { param: 'format' } } })
})

test('on the command line a running server is exported and imported into, in as many requests as it takes', { timeout: 120_000 }, async t => {
  const old = await startServer(t, { apiKeys, storage: sqlite.url(t) })
  for (let i = 0; i < 3; i++) await uploadTo(old, `${i}.bin`, String(i).repeat(20_000_000), user)
  for (let i = 0; i < 3; i++) await newThread(as(old, user), 'Hello')
  const target = await startServer(t, { apiKeys, storage: sqlite.url(t) })
  const cwd = t.testdir()
  const run = async (...args: string[]): Promise<Exit> => await startCli(t, { args, cwd, env: { API_KEY: 'sk-admin' } }).exited
  t.match(await run('export', '--url', old.baseURL, '--out', 'all.jsonl'), { code: 0, stdout: '', stderr: /^Exported \d+ records to all\.jsonl\.\n$/ })
  let requests = 0
  target.app.server.on('request', () => { requests++ })
  t.match(await run('import', '--url', target.baseURL, 'all.jsonl'), { code: 0, stderr: /^Imported \d+ records \(3 files, 3 threads, 3 messages\); 0 were there already\.\n$/ })
  t.equal(requests, 2, 'more than one request, none of which parts a file from its record')
  t.equal((await (await fetch(`${target.baseURL}/files/${(await as(target, user).get('/files')).body.data[0].id}/content`, { headers: user })).arrayBuffer()).byteLength, 20_000_000)
  t.match(await run('export', '--url', old.baseURL, '--sqlite', '--out', 'copy.db'), { code: 0, stderr: /^Exported [\d,]+ bytes to copy\.db\.\n$/ })
  t.equal((await readFile(join(cwd, 'copy.db'))).subarray(0, 15).toString(), 'SQLite format 3')
  t.match(await run('export', '--url', old.baseURL, '--out', 'copy.db'), { code: 1, stderr: 'The file copy.db exists: choose another one.\n' })
  t.match(await run('export', '--url', old.baseURL, '--key', 'sk-user', '--out', 'x.jsonl'), { code: 1, stderr: /says: Only a key with "admin": true may export or import the whole store/ })
  t.strictSame((await readdir(cwd)).sort(), ['all.jsonl', 'copy.db'], 'no part of a file is left')
  for (const args of [['export', '--sqlite'], ['export', '--url', old.baseURL, '--resume', '--out', 'y'], ['import', '--key', 'k'], ['import', '--url', old.baseURL, '--storage', 'memory:']]) t.match(await run(...args), { code: 1, stderr: /^fastify-openai-compat: --/ })
})
