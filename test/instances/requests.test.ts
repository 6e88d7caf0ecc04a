import { test } from 'tap'
import { newAssistant, newThread } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { outputsFor } from '../runs/helpers/server.js'
import { messagesOf, onSharedStores, reaches, runnable, startInstances, stepsOf, textOf } from './helpers/instances.js'

const ask = { name: 'ask', arguments: {} }
const tools = [{ type: 'function', function: { name: 'ask' } }]

await onSharedStores((t, store) => {
  t.test('what one instance has stored, changed or deleted is so on every other at once', async t => {
    const { servers: [a, b, c] } = await startInstances(t, store, 3)
    const assistant = await newAssistant(a!, { name: 'One' })
    t.strictSame((await b!.get(`/assistants/${assistant.id}`)).body, assistant)
    const { body: renamed } = await c!.post(`/assistants/${assistant.id}`, { name: 'Two' })
    t.strictSame((await a!.get('/assistants')).body.data, [renamed])

    const thread = await newThread(b!, 'First')
    await a!.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Second' })
    await c!.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Third' })
    t.strictSame((await messagesOf(b!, thread.id)).map(textOf), ['First', 'Second', 'Third'])

    await c!.delete(`/threads/${thread.id}`)
    for (const server of [a!, b!, c!]) t.equal((await server.get(`/threads/${thread.id}`)).status, 404)
  })

  t.test('each request of a run may reach another instance', async t => {
    const { upstream, servers: [a, b, c] } = await startInstances(t, store, 3)
    upstream.enqueue(toolCalls([ask]), text('Noon'))
    const { create } = await runnable(a!, { tools })
    const run = await create(a!)
    const waiting = await reaches(b!, run, 'requires_action')
    const answered = await c!.post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: outputsFor(waiting) })
    t.match(answered, { status: 200, body: { status: 'queued' } })
    const done = await reaches(a!, run, 'completed')
    for (const server of [b!, c!]) {
      t.strictSame((await server.get(`/threads/${run.thread_id}/runs/${run.id}`)).body, done)
      t.strictSame((await messagesOf(server, run.thread_id)).map(textOf), ['Hello?', 'Noon'])
      t.strictSame((await stepsOf(server, run)).map(step => [step.type, step.status]), [['tool_calls', 'completed'], ['message_creation', 'completed']])
    }
  })

  t.test('outputs that are submitted with a stream on another instance go on there', async t => {
    const { upstream, servers: [a, b] } = await startInstances(t, store, 2)
    upstream.enqueue(toolCalls([ask]), text('Noon'))
    const { create } = await runnable(a!, { tools })
    const run = await create(a!)
    const waiting = await reaches(b!, run, 'requires_action')
    const stream = await b!.stream(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: outputsFor(waiting) })
    const frames = await stream.all()
    t.equal(frames[0]!.event, 'thread.run.step.completed')
    t.equal(frames.at(-1)!.event, 'done')
    t.strictSame((await a!.get(`/threads/${run.thread_id}/runs/${run.id}`)).body, frames.at(-2)!.data)
  })
}, test)
