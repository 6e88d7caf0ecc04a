import { test, type Test } from 'tap'
import { newAssistant, newThread } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { clientTool, outputsFor, pathOf, startGatedServer } from './helpers/server.js'

/** The body of the one request that a run with these fields makes. */
async function asked (t: Test, fields: object, assistant: object = {}): Promise<any> {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Hi'))
  const run = await server.rest(await server.run(fields, assistant))
  t.equal(run.status, 'completed')
  return server.upstream.chats[0]!.body
}

const user = { role: 'user', content: 'Hello?' }
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }

test('the assistant\'s own model, instructions and settings are used when the run names none', async t => {
  const body = await asked(t, {}, { model: 'test-model', instructions: 'Be kind.', temperature: 0.3, top_p: 0.4, reasoning_effort: 'low', tools: [clientTool('ask')] })
  t.match(body, { model: 'test-model', temperature: 0.3, top_p: 0.4, reasoning_effort: 'low', tools: [{ function: { name: 'ask' } }] })
  t.strictSame(body.messages, [{ role: 'system', content: 'Be kind.' }, user])
})

test('a run\'s model, instructions, tools and settings are used instead of the assistant\'s', async t => {
  const assistant = { model: 'other-model', instructions: 'Be kind.', temperature: 0.3, top_p: 0.4, reasoning_effort: 'low', tools: [clientTool('ask')] }
  const body = await asked(t, { model: 'test-model', instructions: 'Be rude.', temperature: 0, top_p: 0.9, reasoning_effort: 'high', tools: [clientTool('tell')] }, assistant)
  t.match(body, { model: 'test-model', temperature: 0, top_p: 0.9, reasoning_effort: 'high' })
  t.strictSame(body.tools.map((tool: any) => tool.function.name), ['tell'])
  t.strictSame(body.messages, [{ role: 'system', content: 'Be rude.' }, user])
})

test('null is as good as nothing', async t => {
  const assistant = { instructions: 'Be kind.', temperature: 0.3, tools: [clientTool('ask')] }
  const fields = ['model', 'instructions', 'additional_instructions', 'additional_messages', 'tools', 'temperature', 'top_p', 'reasoning_effort', 'response_format', 'tool_choice', 'parallel_tool_calls', 'max_prompt_tokens', 'max_completion_tokens', 'truncation_strategy', 'metadata']
  t.strictSame(await asked(t, Object.fromEntries(fields.map(field => [field, null])), assistant), await asked(t, {}, assistant))
})

test('an empty list of tools takes the assistant\'s away', async t => {
  const body = await asked(t, { tools: [] }, { tools: [clientTool('ask')] })
  t.notOk('tools' in body)
  t.notOk('tool_choice' in body || 'parallel_tool_calls' in body, 'nor anything that speaks of tools')
})

test('additional_instructions come behind the instructions, the run\'s or the assistant\'s', async t => {
  const [own] = (await asked(t, { additional_instructions: 'In French.' }, { instructions: 'Be kind.' })).messages
  t.equal(own.content, 'Be kind.\n\nIn French.')
  const [run] = (await asked(t, { instructions: 'Be rude.', additional_instructions: 'In French.' }, { instructions: 'Be kind.' })).messages
  t.equal(run.content, 'Be rude.\n\nIn French.')
  const [alone] = (await asked(t, { additional_instructions: 'In French.' }, { instructions: null })).messages
  t.equal(alone.content, 'In French.')
})

test('the run shows the instructions that it was given to follow', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Hi'))
  const run = await server.rest(await server.run({ additional_instructions: 'In French.' }, { instructions: 'Be kind.' }))
  t.equal(run.instructions, 'Be kind.\n\nIn French.')
})

test('without instructions there is no system message', async t => {
  t.strictSame((await asked(t, {}, { instructions: null })).messages, [user])
})

test('additional_messages come last, and stay in the thread', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Hi'))
  const run = await server.rest(await server.run({ additional_messages: [{ role: 'assistant', content: 'Yes?' }, { role: 'user', content: 'The time?' }] }))
  t.strictSame(server.upstream.chats[0]!.body.messages.slice(1), [user, { role: 'assistant', content: 'Yes?' }, { role: 'user', content: 'The time?' }])
  const { body } = await server.get(`/threads/${run.thread_id}/messages?order=asc`)
  t.strictSame(body.data.map(({ role, run_id: id, content }: any) => [role, id, content[0].text.value]), [
    ['user', null, 'Hello?'], ['assistant', null, 'Yes?'], ['user', null, 'The time?'], ['assistant', run.id, 'Hi']
  ])
})

test('images of a message are shown to the model', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('A cat'))
  const content = [{ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: { url: 'https://example.com/cat.png', detail: 'low' } }]
  await server.rest(await server.run({ additional_messages: [{ role: 'user', content }] }))
  t.strictSame(server.upstream.chats[0]!.body.messages.at(-1), { role: 'user', content })
})

test('response_format: text and auto are not sent, the JSON kinds are', async t => {
  t.notOk('response_format' in await asked(t, { response_format: 'auto' }))
  t.notOk('response_format' in await asked(t, { response_format: { type: 'text' } }, { response_format: { type: 'json_object' } }))
  t.strictSame((await asked(t, {}, { response_format: { type: 'json_object' } })).response_format, { type: 'json_object' })
  const json = { type: 'json_schema', json_schema: { name: 'place', description: 'A place', schema, strict: true } }
  t.strictSame((await asked(t, { response_format: json })).response_format, json)
  const bare = { type: 'json_schema', json_schema: { name: 'place', schema } }
  t.strictSame((await asked(t, { response_format: bare })).response_format, bare)
})

test('parallel_tool_calls is passed on with the tools', async t => {
  t.equal((await asked(t, { tools: [clientTool('ask')] })).parallel_tool_calls, true)
  t.equal((await asked(t, { tools: [clientTool('ask')], parallel_tool_calls: false })).parallel_tool_calls, false)
  t.notOk('parallel_tool_calls' in await asked(t, { parallel_tool_calls: false }))
})

for (const [choice, first, later] of [
  ['auto', 'auto', 'auto'],
  ['none', 'none', 'none'],
  ['required', 'required', 'auto'],
  [{ type: 'function', function: { name: 'ask' } }, { type: 'function', function: { name: 'ask' } }, 'auto']
] as const) {
  test(`tool_choice ${JSON.stringify(choice)} is ${JSON.stringify(first)} in the first model call and ${JSON.stringify(later)} in the second`, async t => {
    const server = await startGatedServer(t)
    server.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]), text('Noon'))
    const run = await server.rest(await server.run({ tools: [clientTool('ask')], tool_choice: choice }))
    t.strictSame(run.tool_choice, choice)
    await server.post(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: outputsFor(run) })
    await server.rest(run)
    t.strictSame(server.upstream.chats.map(({ body }) => body.tool_choice), [first, later])
  })
}

test('a function\'s schema and strictness reach the model', async t => {
  const strict = { type: 'function', function: { name: 'where', description: 'Finds a place', parameters: schema, strict: true } }
  t.strictSame((await asked(t, { tools: [strict] })).tools, [strict])
  const loose = { type: 'function', function: { name: 'where' } }
  t.strictSame((await asked(t, { tools: [loose] })).tools, [{ type: 'function', function: { name: 'where', parameters: { type: 'object', properties: {} } } }])
})

test('edits of the assistant do not reach a run that has begun', async t => {
  const server = await startGatedServer(t)
  const { id } = await newAssistant(server, { instructions: 'Be kind.', tools: [clientTool('ask')] })
  const thread = await newThread(server, 'Hello?')
  server.upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]), text('Noon'))
  const run = await server.rest((await server.post(`/threads/${thread.id}/runs`, { assistant_id: id })).body)
  await server.post(`/assistants/${id}`, { model: 'other-model', instructions: 'Be rude.', tools: [] })
  await server.post(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: outputsFor(run) })
  await server.rest(run)
  const [before, after] = server.upstream.chats.map(({ body }) => body)
  t.equal(after.model, before.model)
  t.strictSame(after.messages[0], before.messages[0])
  t.strictSame(after.tools, before.tools)
})

test('metadata is kept with the run and not sent to the model', async t => {
  const server = await startGatedServer(t)
  server.upstream.enqueue(text('Hi'))
  const run = await server.rest(await server.run({ metadata: { ticket: '7' } }))
  t.strictSame(run.metadata, { ticket: '7' })
  t.notOk('metadata' in server.upstream.chats[0]!.body)
})
