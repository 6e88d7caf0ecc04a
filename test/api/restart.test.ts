import { test } from 'tap'
import { outline, payloads } from '../helpers/events.js'
import { newestSdk } from '../helpers/sdk.js'
import { covers, startServer, stopped } from '../helpers/server.js'
import { Gate, gated, text, toolCalls } from '../helpers/upstream.js'

const function_ = (name: string) => ({ type: 'function' as const, function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } })

// A store in memory ends with its process.
const volatile = process.env.TEST_STORE === 'memory' && 'the store does not outlive the server'

test('an assistant with two tools, a thread with three messages and a streamed run with tool calls outlive a restart', { skip: volatile }, async t => {
  covers(t, 'createAssistant', 'createThread', 'createMessage', 'createRun', 'submitToolOutputsToRun', 'listRunSteps', 'thread.run.requires_action', 'thread.run.completed')
  const before = await startServer(t, {
    script: [
      toolCalls([{ name: 'get_weather', arguments: { city: 'Rome' }, id: 'call_weather' }, { name: 'get_time', arguments: { city: 'Rome' }, id: 'call_time' }], { interleaved: true }),
      text('It is noon and sunny in Rome.')
    ]
  })
  const { assistants, threads } = before.client().beta
  const assistant = await assistants.create({ model: 'test-model', name: 'Guide', instructions: 'Help travellers.', tools: [function_('get_weather'), function_('get_time')], metadata: { team: 'travel' } })
  const thread = await threads.create({ messages: [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi! Where are you?' }], metadata: { user: '7' } })
  await threads.messages.create(thread.id, { role: 'user', content: 'In Rome. How is the weather, and what time is it?' })

  const first = await before.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const waiting = await first.until('thread.run.requires_action')
  const calls = waiting.required_action.submit_tool_outputs.tool_calls
  t.strictSame(calls.map((call: any) => [call.function.name, JSON.parse(call.function.arguments)]), [['get_weather', { city: 'Rome' }], ['get_time', { city: 'Rome' }]])
  const second = await before.stream(`/threads/${thread.id}/runs/${waiting.id}/submit_tool_outputs`,
    { tool_outputs: calls.map((call: any) => ({ tool_call_id: call.id, output: call.function.name === 'get_time' ? '12:00' : 'sunny' })) })
  const frames = await second.all()
  t.strictSame(outline(frames).slice(-2), ['run.completed', 'done'])
  const [run] = payloads(frames, 'thread.run.completed')

  const all = async (client = before.client()) => {
    const { assistants, threads } = client.beta
    const parents = { thread_id: thread.id, run_id: run.id }
    const messages = (await threads.messages.list(thread.id, { order: 'asc' })).data
    const steps = (await threads.runs.steps.list(run.id, { ...parents, order: 'asc' })).data
    return {
      assistants: (await assistants.list()).data,
      assistant: await assistants.retrieve(assistant.id),
      thread: await threads.retrieve(thread.id),
      messages,
      message: await threads.messages.retrieve(messages[0]!.id, { thread_id: thread.id }),
      runs: (await threads.runs.list(thread.id)).data,
      run: await threads.runs.retrieve(run.id, { thread_id: thread.id }),
      steps,
      step: await threads.runs.steps.retrieve(steps[0]!.id, parents)
    }
  }
  const seen = await all()
  t.strictSame(seen.run, run)
  t.match(seen.messages.map(message => message.content[0]?.type === 'text' && message.content[0].text.value),
    ['Hello', 'Hi! Where are you?', 'In Rome. How is the weather, and what time is it?', 'It is noon and sunny in Rome.'])
  t.match(seen.steps.map(step => [step.type, step.status]), [['tool_calls', 'completed'], ['message_creation', 'completed']])
  await before.close()

  const after = await startServer(t, { storage: before.storage, script: [text('Once more.')] })
  t.strictSame(await all(after.client()), seen, 'everything reads as before')
  const again = await after.client(newestSdk).beta.threads.runs.create(thread.id, { assistant_id: assistant.id })
  t.equal((await stopped(after, again)).status, 'completed')
  t.match(after.upstream.chats[0]?.body.messages.map((message: any) => message.role), ['system', 'user', 'assistant', 'user', 'assistant'], 'and goes on')
})

test('a run that waits for outputs still takes them after a restart', { skip: volatile }, async t => {
  const before = await startServer(t, { script: [toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }])] })
  const { body: assistant } = await before.post('/assistants', { model: 'test-model', tools: [{ type: 'function', function: { name: 'f' } }] })
  const { body: created } = await before.post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } })
  const waiting = await stopped(before, created)
  await before.close()

  const after = await startServer(t, { storage: before.storage, script: [text('Done.')] })
  const path = `/threads/${waiting.thread_id}/runs/${waiting.id}`
  t.strictSame((await after.get(path)).body, waiting)
  t.equal((await after.post(`/threads/${waiting.thread_id}/messages`, { role: 'user', content: 'x' })).status, 400, 'the thread is still locked')
  const stream = await after.stream(`${path}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: '42' }] })
  t.strictSame(outline(await stream.all()), ['run.step.completed', 'run.queued', 'run.in_progress', 'run.step.created', 'run.step.in_progress',
    'message.created', 'message.in_progress', 'message.delta', 'message.completed', 'run.step.completed', 'run.completed', 'done'])
  t.match(after.upstream.chats[0]?.body.messages.at(-1), { role: 'tool', tool_call_id: 'call_1', content: '42' })
})

test('a run that a restart interrupts is taken up again and says everything once', { skip: volatile }, async t => {
  const gate = new Gate()
  const before = await startServer(t, { script: [gated(text('one two three'), gate)] })
  const { body: assistant } = await before.post('/assistants', { model: 'test-model' })
  const stream = await before.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Count' }] } })
  const run = await stream.until('thread.run.created')
  gate.open()
  await stream.until('thread.message.delta')
  await before.close()

  const after = await startServer(t, { storage: before.storage, script: [text('one two three')] })
  t.equal((await stopped(after, run)).status, 'completed')
  const { data } = (await after.get(`/threads/${run.thread_id}/messages?order=asc`)).body
  t.match(data.map((message: any) => [message.role, message.status, message.content[0].text.value]), [['user', 'completed', 'Count'], ['assistant', 'completed', 'one two three']])
  t.match((await after.get(`/threads/${run.thread_id}/runs/${run.id}/steps`)).body.data, [{ status: 'completed' }])
  t.equal((await after.post(`/threads/${run.thread_id}/messages`, { role: 'user', content: 'x' })).status, 200, 'the thread is free')
})
