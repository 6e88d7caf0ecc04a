import { test } from 'tap'
import { outline } from '../helpers/events.js'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'

const tools = [{ type: 'function', function: { name: 'f' } }]
const outputs = { tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }] }
const message = { role: 'user', content: 'Still there?' }

test('a run cancelled at any moment is cancelled or was complete, the stream says which, and the thread is free', async t => {
  const server = await startServer(t)
  server.upstream.respond(() => text('one two three'))
  const assistant = await newAssistant(server)
  for (let events = 0; events < 14; events++) {
    const thread = await newThread(server, 'Hello')
    const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    for (let n = 0; n <= events; n++) await stream.next()
    const path = `/threads/${thread.id}/runs/${stream.frames[0]!.data.id}`
    const { status, body } = await server.post(`${path}/cancel`)
    const end = outline(await stream.all()).slice(-2)
    if (status === 200) t.strictSame(end, ['run.cancelled', 'done'], `after ${events} events`)
    else t.strictSame([body.error.message, end], ["Cannot cancel run with status 'completed'.", ['run.completed', 'done']], `after ${events} events`)
    t.equal(`run.${(await server.get(path)).body.status}`, end[0])
    const unfinished = (await server.get(`${path}/steps`)).body.data.filter((step: any) => step.status === 'in_progress')
    t.strictSame(unfinished, [])
    t.equal((await server.post(`/threads/${thread.id}/messages`, message)).status, 200)
  }
})

test('of a cancellation and the outputs, sent at the same time, one comes first', async t => {
  const server = await startServer(t)
  server.upstream.respond(request => request.body.messages.at(-1).role === 'tool' ? text('one two three') : toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }]))
  const assistant = await newAssistant(server, { tools })
  for (let n = 0; n < 8; n++) {
    const thread = await newThread(server, 'Hello')
    const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
    const path = `/threads/${thread.id}/runs/${run.id}`
    const cancel = async () => (await server.post(`${path}/cancel`)).status
    const submit = async () => (await server.post(`${path}/submit_tool_outputs`, outputs)).status
    const [first, second] = await Promise.all(n % 2 === 0 ? [cancel(), submit()] : [submit(), cancel()])
    const [cancelled, submitted] = n % 2 === 0 ? [first, second] : [second, first]
    const { status } = await stopped(server, run)
    t.ok(cancelled === 200 ? status === 'cancelled' : submitted === 200 && status === 'completed', `cancel ${cancelled}, submit ${submitted}: ${status}`)
    t.equal((await server.post(`/threads/${thread.id}/messages`, message)).status, 200)
  }
})

test('a thread deleted while a run begins is gone', async t => {
  const server = await startServer(t)
  server.upstream.respond(() => text('one two three'))
  const assistant = await newAssistant(server)
  for (let n = 0; n < 8; n++) {
    const thread = await newThread(server, 'Hello')
    const [created, deleted] = await Promise.all([server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }), server.delete(`/threads/${thread.id}`)])
    t.ok(created.status === 200 || created.body.error.message === `No thread found with id '${thread.id}'.`)
    t.equal(deleted.status, 200)
    t.equal((await server.get(`/threads/${thread.id}`)).status, 404)
  }
})

test('an object deleted twice at the same time is deleted once', async t => {
  const server = await startServer(t)
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const [{ id }] = (await server.get(`/threads/${thread.id}/messages`)).body.data
  for (const path of [`/assistants/${assistant.id}`, `/threads/${thread.id}/messages/${id}`, `/threads/${thread.id}`]) {
    const answers = await Promise.all([0, 1, 2].map(async () => (await server.delete(path)).status))
    t.strictSame(answers.sort(), [200, 404, 404], path)
  }
})
