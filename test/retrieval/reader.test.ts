import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import { test, type Test } from 'tap'
import { systemClock } from '../../lib/shared/clock.js'
import { DocumentReader, type DocumentReaderOptions } from '../../lib/retrieval/document-reader.js'
import type { Chunk } from '../../lib/retrieval/chunk.js'
import { ManualClock } from '../helpers/clock.js'
import { until } from '../vector-stores/helpers/counting.js'
import { pdf, pdfOf } from './helpers/documents.js'
import { canSeeProcesses, environmentOf, isThere, processesOf, processorMsOf } from './helpers/processes.js'

const skip = !canSeeProcesses && 'the system does not tell of processes in files'
const chunking = { size: 800, overlap: 400 }

function reader (t: Test, options: Partial<DocumentReaderOptions> = {}): DocumentReader {
  const reader = new DocumentReader({ clock: systemClock, ...options })
  t.teardown(async () => await reader.close())
  return reader
}

async function read (reader: DocumentReader, filename: string, content: string | Uint8Array): Promise<Chunk[]> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const found: Chunk[] = []
  for await (const batch of reader.read({ filename, bytes, chunking })) found.push(...batch)
  return found
}

test('a document comes in batches of chunks', async t => {
  const found = await read(reader(t), 'a.txt', 'Hello world, how are you? '.repeat(20_000))
  t.ok(found.length > 128)
  t.ok(found.every(({ tokens }) => tokens <= 800))
})

test('pages are kept', async t => {
  t.match(await read(reader(t), 'a.pdf', pdf('One', 'Two')), [{ text: /One\s+Two/, page: 1 }])
})

test('what was left in the middle, or failed, does not stand in the way of the next document', async t => {
  const documents = reader(t)
  const left = documents.read({ filename: 'a.txt', bytes: new TextEncoder().encode('Hello world. '.repeat(50_000)), chunking })
  t.match(await left.next(), { value: { length: 64 } })
  await left.return()
  await t.rejects(read(documents, 'a.pdf', 'words'), { code: 'invalid_file' })
  t.match(await read(documents, 'b.txt', 'Short.'), [{ text: 'Short.' }])
})

test('several documents are read at a time', async t => {
  const documents = reader(t)
  const found = await Promise.all(['one', 'two', 'three'].map(async text => await read(documents, 'a.txt', text)))
  t.strictSame(found.map(([chunk]) => chunk?.text), ['one', 'two', 'three'])
})

test('a document that takes too long is given up', async t => {
  const clock = new ManualClock()
  const documents = reader(t, { clock, timeoutMs: 5000 })
  const outcome = read(documents, 'a.txt', 'Hello world. '.repeat(10_000))
  const rejected = t.rejects(outcome, { code: 'invalid_file', message: 'The file could not be parsed because it takes too long.' })
  await clock.armed(ms => ms === 5000)
  await clock.advance(5000)
  await rejected
})

test('a document that needs too much memory is given up, on the heap or outside of it', async t => {
  const documents = reader(t, { memoryMb: 128, limits: { maxUnpackedBytes: 1024 * 1024, maxBytes: 16 * 1024 * 1024, maxCharacters: 16 * 1024 * 1024 } })
  const page = '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << >> >>'
  const bomb = deflateSync(Buffer.alloc(300_000_000, ' '))
  const stream = Buffer.concat([Buffer.from(`<< /Length ${bomb.length} /Filter /FlateDecode >>\nstream\n`), bomb, Buffer.from('\nendstream')])
  const failed = { code: 'invalid_file' }
  await t.rejects(read(documents, 'a.pdf', pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [3 0 R] /Count 1 >>', page, new Uint8Array(stream)])), failed)
  // Less than what it needs to begin with.
  await t.rejects(read(reader(t, { memoryMb: 12 }), 'a.txt', 'Hello world. '.repeat(100_000)), { ...failed, message: 'The file could not be parsed because it needs too much memory.' })
  t.match(await read(documents, 'b.txt', 'Still there.'), [{ text: 'Still there.' }])
})

test('a reader that is closed ends what it reads', async t => {
  const documents = reader(t)
  const outcome = read(documents, 'a.txt', 'Hello world. '.repeat(100_000))
  const rejected = t.rejects(outcome, { code: 'server_error' })
  await documents.close()
  await rejected
  await t.rejects(read(documents, 'a.txt', 'late'), { code: 'server_error', message: 'The server is shutting down.' })
})

const MEMORY = { code: 'invalid_file', message: 'The file could not be parsed because it needs too much memory.' }

for (const [fatal, failed] of Object.entries({ leap: MEMORY, kill: MEMORY, grow: MEMORY, abort: { code: 'invalid_file', message: 'The file could not be parsed.' } })) {
  test(`a document that ends the process it is read in (${fatal}) fails, and the next one is read`, async t => {
    const documents = reader(t, { memoryMb: 64, limits: { maxBytes: 1024 * 1024, maxUnpackedBytes: 1024 * 1024 }, thread: new URL('helpers/fatal-thread.js', import.meta.url) })
    await t.rejects(read(documents, 'a.txt', fatal), failed)
    t.match(await read(documents, 'b.txt', 'Still there.'), [{ text: 'Still there.' }])
  })
}

test('a document that comes when its process has died is not to blame', { skip }, async t => {
  const documents = reader(t)
  t.match(await read(documents, 'a.txt', 'One.'), [{ text: 'One.' }])
  const [pid] = processesOf(process.pid) as [number]
  process.kill(pid, 'SIGSTOP')
  const outcome = t.rejects(read(documents, 'a.txt', 'Two.'), { name: 'Error', message: /ended with SIGKILL/ })
  process.kill(pid, 'SIGKILL')
  await outcome
  t.match(await read(documents, 'a.txt', 'Two.'), [{ text: 'Two.' }])
})

test('one process reads document after document, an empty one among them, and ends with the reader', { skip }, async t => {
  const documents = reader(t)
  t.match(await read(documents, 'a.txt', 'One.'), [{ text: 'One.' }])
  const first = processesOf(process.pid)
  t.equal(first.length, 1)
  await t.rejects(read(documents, 'a.txt', ''), { message: 'The file could not be parsed because it is empty.' })
  t.match(await read(documents, 'a.txt', 'Two.'), [{ text: 'Two.' }])
  t.strictSame(processesOf(process.pid), first)
  await documents.close()
  t.strictSame(processesOf(process.pid), [])
})

test('a process that reads documents has nothing of the environment of the server', { skip }, async t => {
  process.env.READER_CANARY = 'secret'
  t.teardown(() => { delete process.env.READER_CANARY })
  await read(reader(t), 'a.txt', 'One.')
  const [pid] = processesOf(process.pid) as [number]
  // What tap gives every process is none of ours.
  t.strictSame(environmentOf(pid).filter(name => name !== 'NODE_OPTIONS' && !/TAP/.test(name)).sort(), ['TMPDIR', 'TZ'])
})

test('a signal to all processes of a server does not fail the documents that are being read', { skip }, async t => {
  const documents = reader(t).read({ filename: 'a.txt', bytes: new TextEncoder().encode('Hello world. '.repeat(50_000)), chunking })
  await documents.next()
  const [pid] = processesOf(process.pid) as [number]
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(pid, signal)
  let batches = 0
  for await (const batch of documents) if (batch.length > 0) batches++
  t.ok(batches > 1)
})

test('a server that is killed takes along what reads its documents, whatever it is doing', { skip }, async t => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('helpers/reading.js', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line') as [string]
  const pids = line.split(' ').map(Number)
  t.equal(pids.length, 1)
  // More than it takes to begin with: it is in the loop that does not end.
  await until(() => processorMsOf(pids[0]!) > 3000)
  child.kill('SIGKILL')
  await until(() => !pids.some(isThere))
  t.notOk(pids.some(isThere))
})
