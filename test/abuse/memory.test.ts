import { request } from 'node:http'
import type { Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'tap'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { Gate, gated, text } from '../helpers/upstream.js'

const MB = 1024 * 1024

test('a page of large messages is cut by bytes, says that there is more, and the rest follows', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const large = [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(5 * MB)}` } }]
  const ids: string[] = []
  for (let i = 0; i < 8; i++) ids.push((await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: large })).body.id)
  for (const order of ['asc', 'desc']) {
    const seen: string[] = []
    for (let after = ''; ;) {
      const { status, body } = await server.get(`/threads/${thread.id}/messages?limit=100&order=${order}${after}`)
      t.equal(status, 200)
      t.ok(body.data.length >= 1 && body.data.length <= 4, `${body.data.length} messages in a page`)
      seen.push(...body.data.map(({ id }: any) => id))
      if (body.has_more === false) break
      after = `&after=${body.last_id}`
    }
    t.strictSame(seen, order === 'asc' ? ids : [...ids].reverse())
  }
  const { body } = await server.get(`/threads/${thread.id}/messages?limit=100&order=asc&before=${ids[6]}`)
  t.strictSame(body.data.at(-1).id, ids[5], 'a page before a cursor adjoins it')
  t.equal(body.has_more, true)
})

test('small pages are as long as they are asked to be', async t => {
  const server = await startServer(t)
  const texts = Array.from({ length: 30 }, (_, i) => `${i}`)
  const thread = await newThread(server, ...texts)
  const { body } = await server.get(`/threads/${thread.id}/messages?limit=30&order=asc`)
  t.strictSame(body.data.map((message: any) => message.content[0].text.value), texts)
  t.equal(body.has_more, false)
  t.equal((await server.get(`/threads/${thread.id}/messages?limit=29`)).body.has_more, true)
})

test('a message has a longest length over all its parts', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const content = Array.from({ length: 40 }, () => ({ type: 'text', text: 'a'.repeat(250_000) }))
  const { status, body } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content })
  t.equal(status, 400)
  t.match(body.error, { param: 'content', code: 'string_above_max_length' })
})

test('without room for the events of ended runs, readers are told of them from the records', async t => {
  const server = await startServer(t, { limits: { maxHeldBytes: 1 } })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello')
  server.upstream.enqueue(text('How are you?'))
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'completed')
  const frames = await (await server.follow(`/threads/${thread.id}/runs/${run.id}/stream`)).all()
  t.equal(frames.at(-1)!.event, 'done')
  t.match(frames.find(({ event }) => event === 'thread.message.completed')!.data, { content: [{ text: { value: 'How are you?' } }] })
})

test('the events of running runs have a bound together, too; the one who reads along misses nothing', async t => {
  const server = await startServer(t, { limits: { maxHeldBytes: MB } })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello')
  const tokens = Array.from({ length: 200 }, () => 'x'.repeat(20_000))
  const gate = new Gate()
  server.upstream.enqueue(gated(text(tokens), gate))
  const reader = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  for (let i = 0; i < tokens.length; i++) {
    gate.open()
    await reader.until('thread.message.delta')
  }
  const { thread_id: threadId, id } = (await server.get(`/threads/${thread.id}/runs`)).body.data[0]
  const late = await server.follow(`/threads/${threadId}/runs/${id}/stream`)
  gate.open(Infinity)
  const frames = await reader.all()
  t.equal(frames.at(-1)!.event, 'done')
  t.equal(frames.filter(({ event }) => event === 'thread.message.delta').length, tokens.length)
  t.ok((await late.all()).length < 100, 'a late reader begins where the kept events do')
})

test('a client that joins a long stream and reads nothing costs next to nothing', async t => {
  const sockets: Socket[] = []
  const server = await startServer(t, { prepare: app => app.server.on('connection', socket => sockets.push(socket)) })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello')
  const gate = new Gate()
  server.upstream.enqueue(gated(text([...Array.from({ length: 40 }, () => 'y'.repeat(200_000)), 'end']), gate))
  const reader = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const run = await reader.until('thread.run.created')
  for (let i = 0; i < 40; i++) {
    gate.open()
    await reader.until('thread.message.delta')
  }
  const before = sockets.length
  const joined = await Promise.all(Array.from({ length: 20 }, async () => {
    const sent = request(`${server.baseURL}/threads/${thread.id}/runs/${run.id}/stream`)
    sent.end()
    const [answer] = await once(sent, 'response')
    // Nothing of it is read.
    answer.pause()
    return sent
  }))
  const held = sockets.slice(before).reduce((sum, socket) => sum + socket.writableLength, 0)
  t.ok(held < 20 * MB, `${(held / MB).toFixed(1)} MB for 20 clients that are 8 MB behind each`)
  for (const sent of joined) sent.destroy()
  gate.open(Infinity)
  await reader.all()
})

test('a project has no more streams at a time than it may; others have theirs', async t => {
  const server = await startServer(t, { apiKeys: { 'sk-a': 'a', 'sk-b': 'b' }, streams: { maxReadersPerProject: 2, maxReaders: 3 } })
  const open = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` }
    const assistant = (await server.post('/assistants', { model: 'test-model' }, headers)).body
    return await server.request('POST', '/threads/runs', { assistant_id: assistant.id, stream: true, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, headers)
  }
  const gate = new Gate()
  server.upstream.respond(() => gated(text('Hello'), gate))
  const waiting = [open('sk-a'), open('sk-a')]
  await server.upstream.next()
  await server.upstream.next()
  const { status, body, headers } = await open('sk-a')
  t.equal(status, 429)
  t.equal(body.error.code, 'rate_limit_exceeded')
  t.ok(headers.get('retry-after'))
  waiting.push(open('sk-b'))
  await server.upstream.next()
  t.equal((await open('sk-b')).status, 429, 'and all together have a bound, too')
  gate.open(Infinity)
  await Promise.allSettled(waiting)
  t.equal((await server.stream('/threads/runs', { assistant_id: (await server.post('/assistants', { model: 'm' }, { authorization: 'Bearer sk-a' })).body.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, { authorization: 'Bearer sk-a' })) !== undefined, true, 'who has read to the end may open another')
})

test('the bound of one project is no bound where there is but one', async t => {
  const server = await startServer(t, { apiKeys: ['sk-a', 'sk-b'], streams: { maxReaders: 600 } })
  const headers = { authorization: 'Bearer sk-a' }
  const assistant = (await server.post('/assistants', { model: 'test-model' }, headers)).body
  const gate = new Gate()
  server.upstream.respond(() => gated(text('Hello'), gate))
  const run = (await server.post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, headers)).body
  const joined = await Promise.all(Array.from({ length: 520 }, async () => await fetch(`${server.baseURL}/threads/${run.thread_id}/runs/${run.id}/stream`, { headers })))
  t.strictSame(new Set(joined.map(({ status }) => status)), new Set([200]))
  gate.open(Infinity)
  await Promise.all(joined.map(async answer => await answer.text()))
})
