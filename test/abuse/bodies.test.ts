import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { test, type Test } from 'tap'
import { JsonGuard } from '../../lib/http/json-guard.js'
import { startServer, type TestServer } from '../helpers/server.js'

async function refusal (t: Test, server: TestServer, path: string, body: string): Promise<any> {
  const answer = await server.request('POST', path, body)
  t.equal(answer.status, 400)
  return answer.body.error
}

const MB = 1024 * 1024
const DEAR: Record<string, string> = {
  'arrays in arrays': '['.repeat(30 * MB),
  'objects in objects': '{"a":'.repeat(6 * MB),
  'millions of empty objects': `[${'{},'.repeat(8 * MB)}{}]`,
  'millions of numbers': `{"x":[${'1,'.repeat(14 * MB)}1]}`
}

for (const [what, body] of Object.entries(DEAR)) {
  test(`${what} are refused before they are parsed`, async t => {
    const server = await startServer(t)
    t.match(await refusal(t, server, '/threads', body), { code: 'request_too_complex' })
  })
}

test('lengths are checked before what takes longer', async t => {
  const server = await startServer(t)
  t.match(await refusal(t, server, '/threads', JSON.stringify({ metadata: { key: '\u8a9e'.repeat(9 * MB) } })), { code: 'string_above_max_length' })
  const keys = Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`key ${i}`, '']))
  t.match(await refusal(t, server, '/threads', JSON.stringify({ metadata: keys })), { code: 'request_too_complex' })
  t.match(await refusal(t, server, '/vector_stores', JSON.stringify({ file_ids: Array.from({ length: 100_000 }, (_, i) => `file-${i}`) })), { code: 'array_above_max_length' })
  t.match(await refusal(t, server, '/threads', JSON.stringify({ messages: [{ role: 'user', content: Array.from({ length: 100_000 }, () => ({ type: 'image_file', image_file: { file_id: 'file-1' } })) }] })), { code: 'array_above_max_length' })
})

test('an upload is not completed with parts that are named half a million times', async t => {
  const server = await startServer(t)
  const upload = (await server.post('/uploads', { filename: 'a.txt', purpose: 'assistants', bytes: 1, mime_type: 'text/plain' })).body
  t.match(await refusal(t, server, `/uploads/${upload.id}/complete`, JSON.stringify({ part_ids: Array.from({ length: 499_000 }, () => 'part_1') })), { code: 'array_above_max_length' })
})

test('the guard counts values and levels, whatever stands in strings and wherever the text is cut', async t => {
  const text = JSON.stringify({ 'a"b\\': ['[[[[', '\\', '"', '{,,,', { x: [1, 2, '\\"'] }] })
  for (let at = 0; at <= text.length; at++) {
    const guard = new JsonGuard()
    guard.push(Buffer.from(text.slice(0, at)))
    guard.push(Buffer.from(text.slice(at)))
    // All strings and brackets are closed: 512 levels fit, and no more.
    t.doesNotThrow(() => guard.push(Buffer.from('['.repeat(512))))
    t.throws(() => guard.push(Buffer.from('[')), { code: 'request_too_complex' })
  }
})

test('a refused body is not read to its end', async t => {
  const sockets: Socket[] = []
  const server = await startServer(t, { apiKeys: ['sk-right'], prepare: app => app.server.on('connection', socket => sockets.push(socket)) })
  const { port } = new URL(server.baseURL)
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`POST /v1/threads HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${2000 * MB}\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1.1 401/)
  const [received] = sockets
  const closed = once(received!, 'close')
  const chunk = Buffer.alloc(MB, 0x20)
  const sending = (async () => {
    for (let sent = 0; sent < 1000 && !socket.destroyed; sent++) await new Promise(resolve => socket.write(chunk, resolve))
  })()
  await closed
  t.ok(received!.bytesRead < 300 * MB, `the connection was closed after ${Math.round(received!.bytesRead / MB)} MB`)
  socket.destroy()
  await sending
})
