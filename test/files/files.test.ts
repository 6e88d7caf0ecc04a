import { createReadStream } from 'node:fs'
import multipart from '@fastify/multipart'
import type { FastifyInstance } from 'fastify'
import { toFile } from 'openai'
import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { ManualClock } from '../helpers/clock.js'
import { newAssistant, startServer } from '../helpers/server.js'
import { FolderBlobStore } from '../../storage/folder/blobs.js'
import { beginUpload, postRaw, startFileServer, until } from './helpers.js'

/** The status that a call of an SDK fails with. */
async function failure (call: Promise<unknown>): Promise<unknown> {
  return await call.then(() => 'no failure', error => error.status)
}

for (const sdk of sdks) {
  test(`${sdk.name}: files are created from a stream, a Response and raw bytes`, async t => {
    const { server } = await startFileServer(t)
    const { files } = server.client(sdk)
    const path = `${t.testdir({ 'data.jsonl': '{"a":1}\n'.repeat(20_000) })}/data.jsonl`
    const fromStream = await files.create({ file: createReadStream(path), purpose: 'fine-tune' })
    t.match(fromStream, { filename: 'data.jsonl', bytes: 160_000, purpose: 'fine-tune' })
    const fromResponse = await files.create({ file: await toFile(await fetch('data:text/plain,hello'), 'r.txt'), purpose: 'batch', expires_after: { anchor: 'created_at', seconds: 3600 } })
    t.match(fromResponse, { bytes: 5, expires_at: fromResponse.created_at + 3600 })
    const wait = (files as unknown as { waitForProcessing? (id: string): Promise<{ status: string }> }).waitForProcessing
    if (wait !== undefined) t.equal((await wait.call(files, fromStream.id)).status, 'processed')
    const all: string[] = []
    for await (const { id } of await files.list({ limit: 1, order: 'asc' })) all.push(id)
    t.strictSame(all, [fromStream.id, fromResponse.id], 'pages follow one another')
  })
}

test('the fields of the form come in any order', async t => {
  const { post } = await startFileServer(t)
  const file: [string, Blob, string] = ['file', new Blob(['abc']), 'a.txt']
  for (const fields of [[file, ['purpose', 'batch']], [['purpose', 'batch'], file]] as any[]) {
    t.match(await post('/files', fields), { status: 200, body: { bytes: 3, filename: 'a.txt', purpose: 'batch' } })
  }
  const expiring = await post('/files', [['expires_after[seconds]', '7200'], file, ['expires_after[anchor]', 'created_at'], ['purpose', 'evals']])
  t.equal(expiring.body.expires_at, expiring.body.created_at + 7200)
})

test('names are kept in every script, however they are sent, and never hold a path', async t => {
  const files = await startFileServer(t)
  for (const [disposition, name] of [
    ['filename="grüße 文件 🗂.txt"', 'grüße 文件 🗂.txt'],
    ['filename*=UTF-8\'\'%E6%96%87%E4%BB%B6.pdf', '文件.pdf'],
    ['filename="../../etc/passwd"', 'passwd'],
    ['filename="C:\\\\temp\\\\a.txt"', 'a.txt'],
    ['filename="say \\"hi\\".txt"', 'say "hi".txt'],
    ['filename=".."', 'upload'],
    ['filename=""', 'upload'],
    [`filename="${'ä'.repeat(400)}.txt"`, `${'ä'.repeat(251)}.txt`]
  ] as const) {
    const body = `--X\r\ncontent-disposition: form-data; name="file"; ${disposition}\r\ncontent-type: application/octet-stream\r\n\r\nabc\r\n` +
      '--X\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--X--\r\n'
    const answer = await postRaw(files, '/files', Buffer.from(body))
    t.equal(answer.body.filename, name, disposition)
    const { headers } = await fetch(`${files.server.baseURL}/files/${answer.body.id}/content`)
    const [, plain, , encoded] = /^attachment; filename="((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(; filename\*=UTF-8''([\w%.!~-]+))?$/.exec(headers.get('content-disposition')!)!
    t.equal(encoded === undefined ? plain!.replace(/\\(.)/g, '$1') : decodeURIComponent(encoded), name)
  }
})

test('a form that is not as it should be is refused, and nothing of it stays', async t => {
  const files = await startFileServer(t)
  const { post, blobs, dues } = files
  const file: [string, Blob, string] = ['file', new Blob(['abc']), 'a.txt']
  const bad = { status: 400, body: { error: { message: '\'x\' is not one of [\'fine-tune\', \'assistants\', \'batch\', \'user_data\', \'vision\', \'evals\'] - \'purpose\'', param: 'purpose', code: null, type: 'invalid_request_error' } } }
  t.match(await post('/files', [file, ['purpose', 'x']]), bad)
  t.match(await post('/files', [['purpose', 'x'], file]), bad)
  const refused = async (fields: [string, string | Blob, string?][], code: string | null, param: string | null) => {
    t.match(await post('/files', fields), { status: 400, body: { error: { code, param } } }, JSON.stringify(fields))
  }
  await refused([file], 'missing_required_parameter', 'purpose')
  await refused([['purpose', 'batch']], 'missing_required_parameter', 'file')
  await refused([file, ['purpose', 'batch'], ['colour', 'red']], 'unknown_parameter', 'colour')
  await refused([['purpose', 'batch'], ['data', new Blob(['abc']), 'a.txt']], 'unknown_parameter', 'data')
  await refused([file, ['purpose', 'batch'], ['expires_after[seconds]', '7200']], 'missing_required_parameter', 'expires_after.anchor')
  await refused([file, ['purpose', 'batch'], ['expires_after[anchor]', 'created_at'], ['expires_after[seconds]', '60']], 'integer_below_min_value', 'expires_after.seconds')
  await refused([file, ['purpose', 'batch'], ['expires_after[anchor]', 'created_at'], ['expires_after[seconds]', '1e4']], 'invalid_type', 'expires_after.seconds')
  await refused([file, file, ['purpose', 'batch']], null, null)
  t.match(await postRaw(files, '/files', '--X\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc'), { status: 400 }, 'ends within the file')
  t.match(await postRaw(files, '/files', 'no form at all'), { status: 400 })
  t.match(await files.server.post('/files', { purpose: 'batch' }), { status: 400, body: { error: { message: 'The body must be multipart/form-data.' } } })
  t.equal(blobs.size, 0)
  t.equal(await dues(), 0)
  t.strictSame((await files.server.get('/files')).body.data, [])
})

test('a file over the limit is a 413, and nothing of it stays', async t => {
  const { post, blobs, dues, server } = await startFileServer(t, { limits: { fileBytes: 100_000 } })
  for (const purpose of ['first', 'last']) {
    const fields: [string, string | Blob, string?][] = [['file', new Blob([Buffer.alloc(3_000_000)]), 'a.bin'], ['purpose', 'batch']]
    t.match(await post('/files', purpose === 'first' ? fields.reverse() : fields), { status: 413, body: { error: { code: 'file_too_large', type: 'invalid_request_error', param: 'file' } } })
  }
  t.match(await post('/files', [['file', new Blob([Buffer.alloc(100_000)]), 'a.bin'], ['purpose', 'batch']]), { status: 200 })
  for (const sdk of sdks) {
    t.equal(await failure(server.client(sdk).files.create({ file: new File([Buffer.alloc(1_000_000)], 'a.bin'), purpose: 'batch' })), 413, sdk.name)
  }
  t.equal(blobs.size, 1)
  t.equal(await dues(), 0)
})

test('a client that leaves in the middle leaves nothing', async t => {
  const folder = new FolderBlobStore({ path: `${t.testdir()}/blobs` })
  const files = await startFileServer(t, { blobs: folder })
  const request = beginUpload(files, '/files', 'file')
  request.write(Buffer.alloc(1_000_000))
  await until(async () => await files.dues() === 1)
  request.destroy()
  await until(async () => await files.dues() === 0)
  t.strictSame((await files.server.get('/files')).body.data, [])
})

test('lists are paged, filtered by purpose, and bounded as in the real API', async t => {
  const { server, upload } = await startFileServer(t)
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push((await upload(`${i}`, 'a.txt', i % 2 === 0 ? 'assistants' : 'batch')).id)
  const list = async (query = '') => {
    const { body } = await server.get(`/files${query}`)
    return [body.data?.map((file: any) => ids.indexOf(file.id)), body.has_more]
  }
  t.strictSame(await list(), [[4, 3, 2, 1, 0], false])
  t.strictSame(await list('?order=asc&limit=2'), [[0, 1], true])
  t.strictSame(await list(`?order=asc&limit=2&after=${ids[1]}`), [[2, 3], true])
  t.strictSame(await list('?purpose=batch'), [[3, 1], false])
  t.strictSame(await list(`?purpose=assistants&limit=1&after=${ids[4]}`), [[2], true])
  t.strictSame(await list('?purpose=nothing'), [[], false])
  t.strictSame(await list('?limit=10000'), [[4, 3, 2, 1, 0], false])
  t.match(await server.get('/files?limit=10001'), { status: 400, body: { error: { code: 'integer_above_max_value' } } })
  t.match(await server.get('/files?after=file-x'), { status: 404, body: { error: { message: 'No such File object: file-x', param: 'id' } } })
})

test('content comes whole or in ranges', async t => {
  const { server, upload } = await startFileServer(t)
  const { id } = await upload('0123456789', 'a.txt')
  const content = async (headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(`${server.baseURL}/files/${id}/content`, { headers, method })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const whole = await content()
  t.equal(whole.text, '0123456789')
  t.match(Object.fromEntries(whole.headers), {
    'content-type': 'application/octet-stream', 'content-length': '10', 'accept-ranges': 'bytes', 'content-disposition': 'attachment; filename="a.txt"'
  })
  for (const [range, text, contentRange] of [['bytes=2-4', '234', '2-4'], ['bytes=7-', '789', '7-9'], ['bytes=-3', '789', '7-9'], ['bytes=8-99', '89', '8-9'], ['bytes=-99', '0123456789', '0-9']] as const) {
    const part = await content({ range })
    t.strictSame([part.status, part.text, part.headers.get('content-range')], [206, text, `bytes ${contentRange}/10`], range)
  }
  for (const range of ['bytes=4-2', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=-']) t.equal((await content({ range })).status, 200, range)
  for (const range of ['bytes=10-', 'bytes=-0']) {
    const refused = await content({ range })
    t.strictSame([refused.status, refused.headers.get('content-range')], [416, 'bytes */10'], range)
    t.match(JSON.parse(refused.text), { error: { code: 'range_not_satisfiable' } })
  }
  t.equal((await content({ range: 'bytes=0-1', 'if-range': whole.headers.get('etag')! })).status, 206)
  t.equal((await content({ range: 'bytes=0-1', 'if-range': '"other"' })).status, 200)
  const head = await content({}, 'HEAD')
  t.strictSame([head.status, head.headers.get('content-length'), head.text], [200, '10', ''])
  t.equal((await fetch(`${server.baseURL}/files/file-x/content`)).status, 404)
  const empty = await upload('', 'empty.txt')
  t.equal(empty.bytes, 0)
  t.equal(await (await fetch(`${server.baseURL}/files/${empty.id}/content`)).text(), '')
})

test('downloads: outputs refuses what was uploaded for a model, as the real API does', async t => {
  const { server, upload } = await startFileServer(t, { downloads: 'outputs' })
  const { id } = await upload('secret')
  t.match(await server.get(`/files/${id}/content`), { status: 400, body: { error: { message: 'Not allowed to download files of purpose: assistants' } } })
  const batch = await upload('{}', 'a.jsonl', 'batch')
  t.equal((await fetch(`${server.baseURL}/files/${batch.id}/content`)).status, 200)
})

test('an unknown file is a 404 for every operation', async t => {
  const { server } = await startFileServer(t)
  for (const id of ['file-0000000000000000000000', 'undefined', 'größe', '%00', '../x']) {
    for (const method of ['GET', 'DELETE']) {
      const path = `/files/${encodeURIComponent(id)}`
      t.match(await server.request(method, path), { status: 404, body: { error: { message: `No such File object: ${id}`, param: 'id' } } }, `${method} ${id}`)
    }
  }
})

test('a file of another project does not exist', async t => {
  const files = await startFileServer(t, { apiKeys: { 'sk-a': 'a', 'sk-b': 'b' } })
  const as = (key: string) => files.server.client(sdks[2], { apiKey: key }).files
  const { id } = await as('sk-a').create({ file: new File(['abc'], 'a.txt'), purpose: 'assistants' })
  t.equal(await failure(as('sk-b').retrieve(id)), 404)
  t.equal(await failure(as('sk-b').content(id)), 404)
  t.equal(await failure(as('sk-b').delete(id)), 404)
  t.strictSame((await as('sk-b').list()).data, [])
  await t.rejects(files.server.client(sdks[2], { apiKey: 'sk-b' }).beta.threads.create({ messages: [{ role: 'user', content: 'x', attachments: [{ file_id: id, tools: [] }] }] }),
    { status: 404, message: `404 Files [${id}] were not found` })
  t.equal((await as('sk-a').retrieve(id)).id, id)
})

test('deleting a file that is in use takes it out of every list of the code interpreter', async t => {
  const { server, upload, blobs, dues } = await startFileServer(t)
  const [kept, gone] = [await upload('a'), await upload('b')]
  const resources = { code_interpreter: { file_ids: [kept.id, gone.id] } }
  const assistant = await newAssistant(server, { tools: [{ type: 'code_interpreter' }], tool_resources: resources })
  const { body: thread } = await server.post('/threads', { tool_resources: resources })
  await server.delete(`/files/${gone.id}`)
  const left = { tool_resources: { code_interpreter: { file_ids: [kept.id] } } }
  t.match((await server.get(`/assistants/${assistant.id}`)).body, left)
  t.match((await server.get('/assistants')).body.data, [left])
  t.match((await server.get(`/threads/${thread.id}`)).body, left)
  t.match(await server.post(`/threads/${thread.id}`, { metadata: { a: 'b' } }), { status: 200, body: left })
  t.match(await server.post(`/assistants/${assistant.id}`, { name: 'n' }), { status: 200, body: left })
  t.match(await server.post('/threads', { tool_resources: resources }), { status: 404, body: { error: { message: `Files [${gone.id}] were not found` } } })
  t.equal(blobs.size, 1)
  t.equal(await dues(), 0)
})

test('a file for the code interpreter that comes with a message joins the thread\'s list', async t => {
  const { server, upload } = await startFileServer(t)
  const [one, two] = [await upload('a'), await upload('b')]
  const attachments = (id: string, type = 'code_interpreter') => [{ file_id: id, tools: [{ type }] }]
  const { body: thread } = await server.post('/threads', { messages: [{ role: 'user', content: 'x', attachments: attachments(one.id) }] })
  t.strictSame(thread.tool_resources, { code_interpreter: { file_ids: [one.id] } })
  const { body: message } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'x', attachments: attachments(two.id) })
  t.strictSame(message.attachments, attachments(two.id))
  t.strictSame((await server.get(`/threads/${thread.id}`)).body.tool_resources, { code_interpreter: { file_ids: [one.id, two.id] } })
})

test('a file expires at its time: it is nowhere any more, and its bytes are gone', async t => {
  const clock = new ManualClock()
  const { server, post, blobs, upload, dues } = await startFileServer(t, { clock })
  const expiring = async () => (await post('/files', [['file', new Blob(['abc']), 'a.txt'], ['purpose', 'batch'], ['expires_after[anchor]', 'created_at'], ['expires_after[seconds]', '3600']])).body
  const file = await expiring()
  const lasting = await upload('x')
  await clock.advance(3599 * 1000)
  t.equal((await server.get(`/files/${file.id}`)).status, 200)
  const later = await expiring()
  await clock.advance(1000)
  t.equal((await server.get(`/files/${file.id}`)).status, 404)
  t.equal((await fetch(`${server.baseURL}/files/${file.id}/content`)).status, 404)
  t.strictSame((await server.get('/files')).body.data.map((one: any) => one.id), [later.id, lasting.id])
  t.equal(blobs.size, 2, 'the list has removed it')
  // Nobody asks for the other one: the sweep removes it.
  await clock.advance(3600 * 1000 + 10 * 60 * 1000)
  await until(() => blobs.size === 1)
  await until(async () => await dues() === 0)
})

test('a host that reads forms its own way keeps doing so, and ours stream by', async t => {
  const host = (app: FastifyInstance) => {
    app.register(multipart, { attachFieldsToBody: 'keyValues', limits: { fileSize: 10, fields: 1 } })
    app.post('/form', async request => request.body)
  }
  const server = await startServer(t, { prepare: host })
  const form = (...fields: [string, string][]) => {
    const form = new FormData()
    for (const [name, value] of fields) form.append(name, value)
    return form
  }
  const own = await fetch(server.baseURL.replace('/v1', '/form'), { method: 'POST', body: form(['name', 'value']) })
  t.strictSame(await own.json(), { name: 'value' })
  for (const sdk of sdks) {
    const file = await server.client(sdk).files.create({
      file: new File(['more than ten bytes'], 'a.txt'), purpose: 'assistants', expires_after: { anchor: 'created_at', seconds: 3600 }
    })
    t.match(file, { bytes: 19, filename: 'a.txt', expires_at: file.created_at + 3600 })
  }
})

test('encoded words in the name of a file are decoded, as far as they can be', async t => {
  const files = await startFileServer(t)
  const named = async (name: string) => (await postRaw(files, '/files', [
    '--X', `content-disposition: form-data; name="file"; filename="${name}"`, '', 'abc', '--X', 'content-disposition: form-data; name="purpose"', '', 'assistants', '--X--', ''
  ].join('\r\n'))).body.filename
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  t.equal(await named(`=?utf-8?B?${base64('Grüße.pdf')}?=`), 'Grüße.pdf')
  t.equal(await named('=?UTF-8?Q?Gr=C3=BC=C3=9Fe_an_alle.txt?='), 'Grüße an alle.txt')
  t.equal(await named('=?iso-8859-1?q?Gr=FC=DFe?=.txt'), 'Grüße.txt')
  const bytes = Buffer.from('文書.md')
  t.equal(await named(`=?utf-8?B?${bytes.subarray(0, 4).toString('base64')}?= =?utf-8?B?${bytes.subarray(4).toString('base64')}?=`), '文書.md', 'a character cut between two words')
  t.equal(await named('=?utf-8*de?B?w7w=?='), 'ü')
  t.equal(await named(`=?utf-8?B?${base64('../../etc/passwd')}?=`), 'passwd', 'no path comes in by this door')
  for (const odd of ['=?none?B?YQ==?=.txt', '=?utf-8?B?/w==?=', '=?utf-8?X?a?=', 'a=?b?=c.txt']) t.equal(await named(odd), odd.split('/').at(-1))
})

test('a field of a form may be named with a dot', async t => {
  const { post } = await startFileServer(t)
  const { status, body } = await post('/files', [['file', new Blob(['abc']), 'a.txt'], ['purpose', 'batch'], ['expires_after.anchor', 'created_at'], ['expires_after.seconds', '3600']])
  t.equal(status, 200)
  t.equal(body.expires_at - body.created_at, 3600)
})
