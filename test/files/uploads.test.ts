import { createHash } from 'node:crypto'
import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { covers } from '../helpers/server.js'
import { beginUpload, startFileServer, until, type FileServer } from './helpers.js'

async function startUpload (t: Test, bytes = 6, options = {}): Promise<FileServer & { id: string, part: (content: string) => Promise<any>, complete: (body: object) => Promise<any> }> {
  const files = await startFileServer(t, options)
  const { body: { id } } = await files.server.post('/uploads', { filename: 'a.txt', purpose: 'assistants', bytes, mime_type: 'text/plain' })
  return {
    ...files,
    id,
    part: async content => await files.post(`/uploads/${id}/parts`, [['data', new Blob([content]), 'blob']]),
    complete: async body => await files.server.post(`/uploads/${id}/complete`, body)
  }
}

const message = (text: string | RegExp, param: string | null = null) => ({ status: 400, body: { error: { message: text, param } } })

test('parts that come at once become one file, in the order that complete names', async t => {
  const { part, complete, server, blobs, dues } = await startUpload(t, 60)
  const contents = Array.from({ length: 20 }, (_, i) => `${String(i).padStart(2, '0')};`)
  const parts = await Promise.all(contents.map(async content => (await part(content)).body))
  for (const { object, upload_id: uploadId } of parts) t.match([object, uploadId], ['upload.part', /^upload_/])
  const ids = parts.map(({ id }) => id).reverse()
  const whole = [...contents].reverse().join('')
  const { status, body } = await complete({ part_ids: ids, md5: createHash('md5').update(whole).digest('hex').toUpperCase() })
  t.equal(status, 200)
  t.match(body, { object: 'upload', status: 'completed', bytes: 60, file: { filename: 'a.txt', bytes: 60, purpose: 'assistants', status: 'processed' } })
  t.equal(await (await fetch(`${server.baseURL}/files/${body.file.id}/content`)).text(), whole)
  t.equal(blobs.size, 1, 'the parts are gone')
  t.equal(await dues(), 1, 'the upload is still remembered')
  t.match((await server.get('/files')).body.data, [{ id: body.file.id }])
})

test('what does not fit together is refused, and can be put right', async t => {
  const { part, complete, id, blobs, server } = await startUpload(t)
  const { body: { id: abc } } = await part('abc')
  const { body: { id: def } } = await part('def')
  t.match(await complete({ part_ids: [abc] }), message('The parts have 3 bytes together, but the upload was created for 6 bytes.', 'part_ids'))
  t.match(await complete({ part_ids: [abc, abc] }), message('Each part can be named once.', 'part_ids'))
  t.match(await complete({ part_ids: [abc, 'part_x'] }), message(`No part found with id 'part_x' in upload '${id}'.`, 'part_ids'))
  t.match(await complete({}), message('Missing required parameter: \'part_ids\'.', 'part_ids'))
  t.match(await complete({ part_ids: [abc, def], md5: '0'.repeat(32) }), message(/^The md5 checksum of the parts is 'e80b5017098950fc58aad83c8c14978e', not '0{32}'.$/, 'md5'))
  t.equal(blobs.size, 2, 'only the parts are kept')
  t.strictSame((await server.get('/files')).body.data, [])
  t.match(await complete({ part_ids: [abc, def] }), { status: 200 })
})

test('uploads are listed and shown, which the real API does not do, one whose time is over as expired', async t => {
  const clock = new ManualClock()
  const { server, id, complete, part } = await startUpload(t, 3, { clock })
  covers(t, 'listUploads', 'retrieveUpload')
  const { body: { id: second } } = await server.post('/uploads', { filename: 'b.txt', purpose: 'batch', bytes: 3, mime_type: 'pdf' })
  const { body: { id: partId } } = await part('abc')
  const { body: done } = await complete({ part_ids: [partId] })
  t.match((await server.get('/uploads')).body, { object: 'list', data: [{ id: second, status: 'pending', filename: 'b.txt' }, { id, status: 'completed', file: { id: done.file.id } }], has_more: false, first_id: second, last_id: id })
  t.match((await server.get(`/uploads?limit=1&order=asc&after=${id}`)).body.data, [{ id: second }])
  t.match(await server.get('/uploads?after=upload_none'), { status: 404 })
  await clock.advance(3_600_000)
  t.match((await server.get('/uploads')).body.data.map(({ status }: any) => status), ['expired', 'completed'])
  t.match((await server.get(`/uploads/${second}`)).body, { id: second, status: 'expired' })
  t.match(await server.get('/uploads/upload_none'), { status: 404, body: { error: { message: /No upload found/ } } })
})

test('a part of another upload is no part of this one', async t => {
  const one = await startUpload(t, 3)
  const { body: { id: other } } = await one.server.post('/uploads', { filename: 'b.txt', purpose: 'batch', bytes: 3, mime_type: 'pdf' })
  const { body: { id: foreign } } = await one.post(`/uploads/${other}/parts`, [['data', new Blob(['abc'])]])
  t.match(await one.complete({ part_ids: [foreign] }), message(`No part found with id '${foreign}' in upload '${one.id}'.`, 'part_ids'))
})

test('an upload that has ended takes nothing more', async t => {
  const { part, complete, server, id, blobs, dues } = await startUpload(t, 3)
  const { body: { id: partId } } = await part('abc')
  const cancel = async () => await server.post(`/uploads/${id}/cancel`)
  t.match(await cancel(), { status: 200, body: { status: 'cancelled' } })
  t.match(await cancel(), { status: 200, body: { status: 'cancelled' } }, 'a repeated wish')
  t.match(await part('abc'), message('Cannot add parts to upload with status \'cancelled\'.'))
  t.match(await complete({ part_ids: [partId] }), message('Cannot complete upload with status \'cancelled\'.'))
  t.equal(blobs.size, 0)

  const { body: { id: empty } } = await server.post('/uploads', { filename: 'b.txt', purpose: 'batch', bytes: 0, mime_type: 'text/plain' })
  t.match(await server.post(`/uploads/${empty}/complete`, { part_ids: [] }), { status: 200, body: { file: { bytes: 0 } } })
  t.match(await server.post(`/uploads/${empty}/complete`, { part_ids: [] }), message('Cannot complete upload with status \'completed\'.'))
  t.match(await server.post(`/uploads/${empty}/cancel`), message('Cannot cancel upload with status \'completed\'.'))
  t.equal(blobs.size, 1)
  t.equal(await dues(), 2)
})

test('of two requests that end an upload, one wins and nothing of the other stays', async t => {
  const { part, complete, server, id, blobs } = await startUpload(t, 3)
  const { body: { id: partId } } = await part('abc')
  const answers = await Promise.all([complete({ part_ids: [partId] }), complete({ part_ids: [partId] }), server.post(`/uploads/${id}/cancel`)])
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  const { data } = (await server.get('/files')).body
  t.equal(blobs.size, data.length)
})

test('an upload expires after an hour, and is forgotten a day later', async t => {
  const clock = new ManualClock()
  const { part, complete, blobs, dues, server, id } = await startUpload(t, 3, { clock })
  const { body: { id: partId } } = await part('abc')
  await clock.advance(3600 * 1000)
  t.match(await complete({ part_ids: [partId] }), message('Cannot complete upload with status \'expired\'.'))
  t.match(await part('abc'), message('Cannot add parts to upload with status \'expired\'.'))
  t.match(await server.post(`/uploads/${id}/cancel`), message('Cannot cancel upload with status \'expired\'.'))
  t.equal(blobs.size, 0)

  const abandoned = await server.post('/uploads', { filename: 'b.txt', purpose: 'batch', bytes: 3, mime_type: 'text/plain' })
  await fetch(`${server.baseURL}/uploads/${abandoned.body.id}/parts`, { method: 'POST', body: formOf('abc') })
  t.equal(blobs.size, 1)
  await clock.advance(4200 * 1000)
  await until(() => blobs.size === 0)
  await clock.advance(25 * 3600 * 1000)
  await until(async () => await dues() === 0)
  t.match(await server.post(`/uploads/${id}/cancel`), { status: 404, body: { error: { message: `No upload found with id '${id}'.` } } })
})

test('a part over the limit is a 413, and nothing of it stays', async t => {
  const { part, blobs, dues } = await startUpload(t, 100, { limits: { uploadPartBytes: 10 } })
  t.match(await part('12345678901'), { status: 413, body: { error: { code: 'file_too_large' } } })
  t.match(await part('1234567890'), { status: 200 })
  t.equal(blobs.size, 1)
  t.equal(await dues(), 1)
})

test('a part whose client leaves in the middle leaves nothing', async t => {
  const files = await startUpload(t)
  const request = beginUpload(files, `/uploads/${files.id}/parts`, 'data')
  request.write('ab')
  await until(async () => await files.dues() === 2)
  request.destroy()
  await until(async () => await files.dues() === 1)
  t.equal(files.blobs.size, 0)
})

test('an upload that cannot be is refused', async t => {
  const { server, post } = await startFileServer(t)
  const good = { filename: 'a.txt', purpose: 'assistants', bytes: 6, mime_type: 'text/plain' }
  const refused = async (change: object, code: string, param: string) =>
    t.match(await server.post('/uploads', { ...good, ...change }), { status: 400, body: { error: { code, param } } }, JSON.stringify(change))
  await refused({ filename: undefined }, 'missing_required_parameter', 'filename')
  await refused({ purpose: 'x' }, 'invalid_value', 'purpose')
  await refused({ bytes: 8 * 1024 ** 3 + 1 }, 'integer_above_max_value', 'bytes')
  await refused({ bytes: -1 }, 'integer_below_min_value', 'bytes')
  await refused({ mime_type: undefined }, 'missing_required_parameter', 'mime_type')
  await refused({ colour: 'red' }, 'unknown_parameter', 'colour')
  t.match(await post('/uploads/upload_x/parts', [['data', new Blob(['x'])]]), { status: 404, body: { error: { message: 'No upload found with id \'upload_x\'.' } } })
  t.match(await post('/uploads/undefined/parts', [['data', new Blob(['x'])]]), { status: 400, body: { error: { param: 'upload_id' } } })
  const expiring = await server.post('/uploads', { ...good, bytes: 0, expires_after: { anchor: 'created_at', seconds: 3600 } })
  const { body } = await server.post(`/uploads/${expiring.body.id}/complete`, { part_ids: [] })
  t.equal(body.file.expires_at, body.file.created_at + 3600)
})

function formOf (content: string): FormData {
  const form = new FormData()
  form.append('data', new Blob([content]), 'part')
  return form
}
