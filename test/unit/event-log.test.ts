import { test } from 'tap'
import { EventLog, EventsForgottenError, eventsOf, type LoggedEvent, type LogReader } from '../../lib/runs/events/event-log.js'

const format = { serialise: ({ data }: { data: unknown }) => String(data), endsStretch: (event: string) => event === 'done' }
const forever = new AbortController().signal

/** What there is to read now, and what is sent for it. */
function all (reader: LogReader): { events: LoggedEvent[], sent: string, sizes: number[] } {
  const events: LoggedEvent[] = []
  const sizes: number[] = []
  let sent = ''
  for (let piece = reader.take(); piece !== undefined; piece = reader.take()) {
    events.push(...eventsOf(piece))
    sizes.push(piece.bytes.length)
    sent += piece.bytes.toString()
  }
  return { events, sent, sizes }
}

const TEXTS = ['plain', 'grüße', '日本語', '😀 and more', '', 'x'.repeat(5000), 'é'.repeat(70_000), 'end']

test('events come back as they were appended, one at a time or together, in any script and of any length', async t => {
  const log = new EventLog(format, Infinity)
  const given = Array.from({ length: 300 }, (_, i) => TEXTS[i * 7 % TEXTS.length]!)
  const reader = log.reader(0, Infinity, forever)
  for (let from = 0; from < given.length;) {
    const count = from % 5 + 1
    log.append(given.slice(from, from + count).map(data => ({ event: 'text', data })))
    from += count
  }
  const { events, sent } = all(reader)
  t.strictSame(events, given.map((data, id) => ({ id, event: 'text', data })))
  t.equal(sent, given.map(data => `event: text\ndata: ${data}\n\n`).join(''))
  t.equal(log.bytes, Buffer.byteLength(sent))
  for (const from of [1, 8, 77, 299]) t.equal(all(log.reader(from, Infinity, forever)).sent, given.slice(from).map(data => `event: text\ndata: ${data}\n\n`).join(''), `from event ${from} on`)
})

test('payloads that are serialised already are events of their own', async t => {
  const log = new EventLog(format, Infinity)
  log.append([{ event: 'text', data: undefined, payloads: ['a', 'ü', 'c'] }, { event: 'done', data: 'end' }])
  t.strictSame(all(log.reader(0, Infinity, forever)).events, [
    { id: 0, event: 'text', data: 'a' }, { id: 1, event: 'text', data: 'ü' }, { id: 2, event: 'text', data: 'c' }, { id: 3, event: 'done', data: 'end' }
  ])
})

test('a piece ends with a stretch, and holds no more than it may but for one long event', async t => {
  const log = new EventLog(format, Infinity)
  log.append([...['one', 'two'].map(data => ({ event: 'text', data })), { event: 'done', data: '1' }, { event: 'text', data: 'three' }, { event: 'done', data: '2' }])
  const reader = log.reader(0, Infinity, forever)
  t.match(reader.take(), { first: 0, next: 3, endsStretch: true })
  t.match(reader.take(), { first: 3, next: 5, endsStretch: true })
  t.equal(log.stretchStart, 3)

  const long = new EventLog(format, Infinity)
  long.append(Array.from({ length: 50 }, () => ({ event: 'text', data: 'x'.repeat(80) })))
  long.append([{ event: 'text', data: 'x'.repeat(3000) }])
  const { sizes, events } = all(long.reader(0, 1000, forever))
  t.equal(events.length, 51)
  t.ok(sizes.slice(0, -1).every(size => size <= 1000), sizes.join(' '))
  t.equal(sizes.at(-1), 3000 + 'event: text\ndata: \n\n'.length)
})

test('a log forgets its oldest events beyond its bytes, and says so to a reader that asks for them', async t => {
  const log = new EventLog(format, 20_000)
  for (let i = 0; i < 1000; i++) log.append([{ event: 'text', data: `${i} ${'x'.repeat(80)}` }])
  t.ok(log.firstId > 700, `begins with ${log.firstId}`)
  t.ok(log.keptBytes < 30_000, `${log.keptBytes} bytes are kept`)
  t.throws(() => log.reader(0, Infinity, forever).take(), EventsForgottenError)
  const { events } = all(log.reader(log.firstId, Infinity, forever))
  t.strictSame(events.map(({ data }) => data.split(' ')[0]), Array.from({ length: 1000 - log.firstId }, (_, i) => `${log.firstId + i}`))
})

test('memory that is wanted back is given back, but for the last events', async t => {
  const log = new EventLog(format, Infinity)
  for (let i = 0; i < 2000; i++) log.append([{ event: 'text', data: 'x'.repeat(100) }])
  const before = log.keptBytes
  log.forget(50_000)
  t.ok(log.keptBytes <= before - 50_000, `${before} bytes became ${log.keptBytes}`)
  log.forget(Infinity)
  t.ok(log.nextId - log.firstId >= 16)
  t.equal(all(log.reader(log.firstId, Infinity, forever)).events.length, log.nextId - log.firstId)
})

test('a closed log takes no more events', async t => {
  const log = new EventLog(format, Infinity)
  log.append([{ event: 'text', data: 'a' }])
  log.close()
  log.append([{ event: 'done', data: '' }, { event: 'text', data: 'b' }])
  t.equal(log.nextId, 1)
  t.equal(log.stretchStart, 0)
  t.equal(all(log.reader(0, Infinity, forever)).events.length, 1)
})
