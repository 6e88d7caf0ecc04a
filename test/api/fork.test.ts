import { test } from 'tap'
import { covers, newAssistant, newThread, startServer } from '../helpers/server.js'
import { Gate, text } from '../helpers/upstream.js'

const texts = (messages: any[]): [string, string][] => messages.map(({ role, content }) => [role, content[0].text.value])

test('a fork has the messages up to one of them, and goes its own way', async t => {
  covers(t, 'forkThread')
  const server = await startServer(t, { script: [text('First answer'), text('Second answer'), text('Another answer')] })
  const assistant = await newAssistant(server)
  const thread = (await server.post('/threads', { messages: [{ role: 'user', content: 'One' }], metadata: { user: 'ann' } })).body
  const run = async (id: string) => await (await server.stream(`/threads/${id}/runs`, { assistant_id: assistant.id })).all()
  const list = async (id: string): Promise<any[]> => (await server.get(`/threads/${id}/messages?order=asc`)).body.data
  await run(thread.id)
  await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Two' })
  await run(thread.id)
  const original = await list(thread.id)
  const { status, body: fork } = await server.post(`/threads/${thread.id}/fork`, { message_id: original[1].id })
  t.equal(status, 200)
  t.match(fork, { object: 'thread', metadata: { user: 'ann' } })
  t.strictSame(fork.tool_resources, {})
  t.not(fork.id, thread.id)
  const copies = await list(fork.id)
  t.strictSame(texts(copies), [['user', 'One'], ['assistant', 'First answer']])
  for (const [i, copy] of copies.entries()) {
    t.not(copy.id, original[i].id)
    t.match(copy, { thread_id: fork.id, run_id: null, assistant_id: original[i].assistant_id, created_at: original[i].created_at, status: 'completed' })
  }
  t.strictSame((await server.get(`/threads/${fork.id}/runs`)).body.data, [])
  await server.post(`/threads/${fork.id}/messages`, { role: 'user', content: 'Three' })
  await run(fork.id)
  t.strictSame(texts(await list(fork.id)), [['user', 'One'], ['assistant', 'First answer'], ['user', 'Three'], ['assistant', 'Another answer']])
  t.strictSame(await list(thread.id), original, 'the original stays as it is')
  t.match(server.upstream.chats[2]!.body.messages.map(({ content }: any) => content), ['Be brief.', 'One', 'First answer', 'Three'], 'the model reads what was copied')
  t.equal((await server.delete(`/threads/${thread.id}`)).status, 200)
  t.equal((await list(fork.id)).length, 4)
  t.ok((await server.get('/threads')).body.data.some(({ id }: any) => id === fork.id))
})

test('a fork without a message has them all, but for one that is being written', async t => {
  const gate = new Gate()
  const server = await startServer(t, { script: [text(['one ', gate, 'two'])] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'A', 'B')]
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  await stream.until('thread.message.delta')
  const { body: { data } } = await server.get(`/threads/${thread.id}/messages`)
  t.equal(data[0].status, 'in_progress')
  const { body: fork } = await server.post(`/threads/${thread.id}/fork`, { metadata: null })
  t.strictSame(fork.metadata, {})
  t.strictSame(texts((await server.get(`/threads/${fork.id}/messages?order=asc`)).body.data), [['user', 'A'], ['user', 'B']])
  t.match(await server.post(`/threads/${thread.id}/fork`, { message_id: data[0].id }), { status: 400, body: { error: { param: 'message_id' } } })
  gate.open()
  await stream.all()
})

test('what is not there cannot be forked', async t => {
  const server = await startServer(t)
  const [thread, other] = [await newThread(server, 'A'), await newThread(server, 'B')]
  const { body: { data: [message] } } = await server.get(`/threads/${other.id}/messages`)
  t.match(await server.post('/threads/thread_none/fork', {}), { status: 404 })
  t.match(await server.post(`/threads/${thread.id}/fork`, { message_id: message.id }), { status: 404 }, 'a message of another thread')
  t.match(await server.post(`/threads/${thread.id}/fork`, { message: 'x' }), { status: 400 })
  t.equal((await server.get('/threads')).body.data.length, 2, 'nothing was made')
  const manager = server.app.threadManager
  t.equal(await manager.forkThread('thread_none'), undefined)
  t.equal((await manager.getMessagesForLLM((await manager.forkThread(thread.id))!.id)).length, 1)
})

test('more messages than one write takes are refused, and nothing is made', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const { threadManager } = server.app
  for (let i = 0; i < 1001; i++) await threadManager.addMessage(thread.id, { role: 'user', content: String(i) })
  t.match(await server.post(`/threads/${thread.id}/fork`, {}), { status: 400, body: { error: { param: 'message_id', message: /at most 1000 messages/ } } })
  t.equal((await server.get('/threads')).body.data.length, 1)
  const { body: { data } } = await server.get(`/threads/${thread.id}/messages?limit=2`)
  const { body: fork } = await server.post(`/threads/${thread.id}/fork`, { message_id: data[1].id })
  t.equal((await server.get(`/threads/${fork.id}/messages?limit=1`)).body.data[0].content[0].text.value, '999')
})
