import { test } from 'tap'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { callTools, outcome } from './helpers.js'

const parameters = { type: 'object' }
const add = { name: 'add', parameters, execute: ({ a, b }: any) => a + b }
const ask = { type: 'function', function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

test('calls and outputs go back to the model in the vendor\'s form', async t => {
  const { server } = await callTools(t, [add], [{ name: 'add', arguments: { a: 1, b: 2 }, id: 'call_a' }, { name: 'add', arguments: { a: 3, b: 4 }, id: 'call_b' }])
  t.strictSame(server.upstream.chats[1]!.body.messages.slice(1), [
    { role: 'user', content: 'Hello?' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_a', type: 'function', function: { name: 'add', arguments: '{"a":1,"b":2}' } },
        { id: 'call_b', type: 'function', function: { name: 'add', arguments: '{"a":3,"b":4}' } }
      ]
    },
    { role: 'tool', tool_call_id: 'call_a', content: '3' },
    { role: 'tool', tool_call_id: 'call_b', content: '7' }
  ])
})

test('text that was said before the calls goes back in the same message', async t => {
  const script = [toolCalls([{ name: 'add', arguments: { a: 1, b: 2 }, id: 'call_a' }], { textBefore: 'Let me see.' }), text('Three')]
  const { server } = await callTools(t, [add], [], { script })
  t.match(server.upstream.chats[1]!.body.messages.slice(2), [
    { role: 'assistant', content: 'Let me see.', tool_calls: [{ id: 'call_a' }] }, { role: 'tool', tool_call_id: 'call_a', content: '3' }
  ])
})

test('every turn is a step of its own, with its calls, outputs and usage', async t => {
  const turn = (a: number) => toolCalls([{ name: 'add', arguments: { a, b: 1 } }], { usage: { prompt_tokens: 10 * a, completion_tokens: a, total_tokens: 11 * a } })
  const { run, steps } = await callTools(t, [add], [], { script: [turn(1), turn(2), text('Done', { usage: { prompt_tokens: 100, completion_tokens: 5, total_tokens: 105 } })] })
  t.strictSame(steps.map(step => [step.type, step.status, step.usage.total_tokens]), [
    ['tool_calls', 'completed', 11], ['tool_calls', 'completed', 22], ['message_creation', 'completed', 105]
  ])
  t.strictSame(steps.slice(0, 2).map(step => step.step_details.tool_calls[0].function.output), ['2', '3'])
  t.equal(run.usage.total_tokens, 138)
})

test('a mixed turn: the server\'s calls are answered at once, the client is asked for its own', async t => {
  const server = await startServer(t, { tools: [add], script: [toolCalls([{ name: 'ask', arguments: {}, id: 'call_ask' }, { name: 'add', arguments: { a: 1, b: 2 }, id: 'call_add' }]), text('Done')] })
  const assistant = await newAssistant(server, { tools: [ask] })
  const thread = await newThread(server, 'Hello?')
  const { run, steps } = await outcome(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'requires_action')
  t.strictSame(run.required_action.submit_tool_outputs.tool_calls.map(({ id }: any) => id), ['call_ask'])
  const outputs = (step: any): unknown => step.step_details.tool_calls.map((call: any) => [call.id, call.function.output])
  t.strictSame(outputs(steps[0]), [['call_ask', null], ['call_add', '3']], 'a reader sees the server\'s output already')
  t.equal(steps[0].status, 'in_progress')

  const path = `/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`
  const both = [{ tool_call_id: 'call_ask', output: 'noon' }, { tool_call_id: 'call_add', output: '4' }]
  const refused = await server.post(path, { tool_outputs: both })
  t.equal(refused.body.error.message, 'Expected tool outputs for call_ids [\'call_ask\'], got [\'call_ask\', \'call_add\']')
  t.equal((await server.post(path, { tool_outputs: both.slice(0, 1) })).status, 200)
  const done = await outcome(server, run)
  t.strictSame(outputs(done.steps[0]), [['call_ask', 'noon'], ['call_add', '3']])
  t.strictSame(server.upstream.chats[1]!.body.messages.slice(-2), [
    { role: 'tool', tool_call_id: 'call_ask', content: 'noon' }, { role: 'tool', tool_call_id: 'call_add', content: '3' }
  ])
})

test('a model that calls tools for ever is stopped', async t => {
  const server = await startServer(t, { tools: [add], limits: { maxModelTurns: 3 } })
  server.upstream.respond(() => toolCalls([{ name: 'add', arguments: { a: 1, b: 1 } }]))
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello?')
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'failed')
  t.equal(run.last_error.code, 'server_error')
  t.match(run.last_error.message, /3 model turns/)
  t.equal(server.upstream.chats.length, 3)
  const { body } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Never mind.' })
  t.equal(body.object, 'thread.message', 'its thread is free')
})

test('vendors get back what they gave with a call, whenever they gave it', async t => {
  const signature = { extra_content: { google: { thought_signature: 'sig' } } }
  const early = toolCalls([{ name: 'add', arguments: { a: 1, b: 2 }, extra: signature }])
  const late = {
    ...early,
    steps: [
      { delta: { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'add', arguments: '' } }] } },
      { delta: { tool_calls: [{ index: 0, function: { arguments: '{"a":1,"b":2}' }, ...signature }] } }
    ]
  }
  for (const reply of [early, late]) {
    const { server, steps, outputs } = await callTools(t, [add], [], { script: [reply, text('Three')] })
    t.strictSame(outputs, ['3'])
    const [call] = server.upstream.chats[1]!.body.messages.find(({ tool_calls: calls }: any) => calls !== undefined).tool_calls
    t.strictSame(call.extra_content, signature.extra_content)
    t.equal(call.function.arguments, '{"a":1,"b":2}')
    t.notOk('extra_content' in steps[0].step_details.tool_calls[0], 'and clients are not shown it')
  }
})
