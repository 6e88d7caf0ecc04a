import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { covers, startServer } from '../helpers/server.js'

const bytes = Buffer.from('Grüße,\n\u0000 all 256 bytes: ').toString('latin1') + Array.from({ length: 256 }, (_, n) => String.fromCharCode(n)).join('')
const content = Buffer.from(bytes, 'latin1')

for (const sdk of sdks) {
  test(`${sdk.name}: a file is uploaded, read, listed, downloaded and deleted`, async t => {
    covers(t, 'createFile', 'retrieveFile', 'listFiles', 'downloadFile', 'deleteFile')
    const { files } = (await startServer(t)).client(sdk)
    const file = await files.create({ file: new File([content], 'Bücher 🐸.txt'), purpose: 'assistants' })
    t.strictSame(file, {
      object: 'file', id: file.id, purpose: 'assistants', filename: 'Bücher 🐸.txt', bytes: content.length, created_at: file.created_at, expires_at: null, status: 'processed', status_details: null
    })
    t.match(file.id, /^file-[0-9A-Za-z]{22}$/)
    t.strictSame(await files.retrieve(file.id), file)
    t.strictSame((await files.list({ purpose: 'assistants' })).data, [file])
    t.strictSame((await files.list({ purpose: 'batch' })).data, [])
    t.ok(Buffer.from(await (await files.content(file.id)).arrayBuffer()).equals(content))
    t.strictSame(await files.delete(file.id), { id: file.id, object: 'file', deleted: true })
    await t.rejects(files.retrieve(file.id), { status: 404, message: `404 No such File object: ${file.id}`, param: 'id' })
  })

  test(`${sdk.name}: a file is uploaded in parts, or not at all`, async t => {
    covers(t, 'createUpload', 'addUploadPart', 'completeUpload', 'cancelUpload')
    const { files, uploads } = (await startServer(t)).client(sdk)
    const begin = { filename: 'notes.txt', purpose: 'assistants' as const, bytes: content.length, mime_type: 'text/plain' }
    const upload = await uploads.create(begin)
    t.match(upload, { object: 'upload', status: 'pending', bytes: content.length, expires_at: upload.created_at + 3600 })
    t.notOk(upload.file)
    const parts = await Promise.all([content.subarray(0, 100), content.subarray(100)].map(async data => await uploads.parts.create(upload.id, { data: new File([data], 'part') })))
    const completed = await uploads.complete(upload.id, { part_ids: parts.map(part => part.id) })
    t.match(completed, { id: upload.id, status: 'completed', file: { object: 'file', filename: 'notes.txt', bytes: content.length } })
    t.ok(Buffer.from(await (await files.content(completed.file!.id)).arrayBuffer()).equals(content))
    const given = await uploads.create(begin)
    t.match(await uploads.cancel(given.id), { status: 'cancelled' })
    const refused = await uploads.complete(given.id, { part_ids: [] }).catch((error: any) => error)
    t.match(refused, { status: 400 })
  })
}
