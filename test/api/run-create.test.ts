import { test } from 'tap'
import { covers, newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { Gate, gated, text, type UpstreamReply } from '../helpers/upstream.js'

const lookUp = { type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} }, strict: false } }

/** A server, an assistant and a thread, as most runs need them. */
async function ready (t: Parameters<typeof startServer>[0], script: UpstreamReply[] = [text('Hi.')], fields: object = {}) {
  const server = await startServer(t, { script })
  return { server, assistant: await newAssistant(server, fields), thread: await newThread(server, 'Hello') }
}

async function start (server: TestServer, thread: { id: string }, fields: object): Promise<any> {
  const { status, body } = await server.post(`/threads/${thread.id}/runs`, fields)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body
}

test('a new run is queued and shows every key with its default, a finished one when and at what cost', async t => {
  covers(t, 'createRun', 'getRun')
  const { server, assistant, thread } = await ready(t, [text('Hi there.', { usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } })])
  const run = await start(server, thread, { assistant_id: assistant.id })
  t.match(run.id, /^run_[0-9A-Za-z]{24}$/)
  t.strictSame(run, {
    id: run.id,
    object: 'thread.run',
    created_at: run.created_at,
    assistant_id: assistant.id,
    thread_id: thread.id,
    status: 'queued',
    started_at: null,
    expires_at: run.created_at + 600,
    cancelled_at: null,
    failed_at: null,
    completed_at: null,
    required_action: null,
    last_error: null,
    model: 'test-model',
    instructions: 'Be brief.',
    tools: [],
    tool_resources: {},
    metadata: {},
    temperature: 1,
    top_p: 1,
    reasoning_effort: null,
    max_completion_tokens: null,
    max_prompt_tokens: null,
    truncation_strategy: { type: 'auto', last_messages: null },
    incomplete_details: null,
    usage: null,
    response_format: 'auto',
    tool_choice: 'auto',
    parallel_tool_calls: true
  })
  t.strictSame(Object.keys(run).join(), 'id,object,created_at,assistant_id,thread_id,status,started_at,expires_at,cancelled_at,failed_at,completed_at,' +
    'required_action,last_error,model,instructions,tools,tool_resources,metadata,temperature,top_p,reasoning_effort,max_completion_tokens,' +
    'max_prompt_tokens,truncation_strategy,incomplete_details,usage,response_format,tool_choice,parallel_tool_calls', 'in the order of the reference')
  const ended = await stopped(server, run)
  t.strictSame(ended, {
    ...run,
    status: 'completed',
    started_at: ended.started_at,
    completed_at: ended.completed_at,
    expires_at: null,
    usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, prompt_token_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } }
  })
  t.ok(run.created_at <= ended.started_at && ended.started_at <= ended.completed_at)
})

test('a run overrides what the assistant says, and the model is told so', async t => {
  const { server, assistant, thread } = await ready(t, [text('Hi.')], { temperature: 0.1, tools: [{ type: 'code_interpreter' }] })
  const overrides = {
    model: 'other-model',
    instructions: 'Be long.',
    tools: [lookUp],
    temperature: 0.5,
    top_p: 0.9,
    reasoning_effort: 'high',
    max_completion_tokens: 500,
    max_prompt_tokens: 4000,
    truncation_strategy: { type: 'last_messages', last_messages: 3 },
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' }, strict: true } },
    tool_choice: { type: 'function', function: { name: 'look_up' } },
    parallel_tool_calls: false,
    metadata: { a: 'b' }
  }
  const run = await start(server, thread, { assistant_id: assistant.id, ...overrides })
  t.match(run, overrides)
  const { body } = await server.upstream.next()
  t.match(body, {
    model: 'other-model',
    messages: [{ role: 'system', content: 'Be long.' }, { role: 'user', content: 'Hello' }],
    tools: [{ type: 'function', function: { name: 'look_up' } }],
    tool_choice: { type: 'function', function: { name: 'look_up' } },
    temperature: 0.5,
    top_p: 0.9,
    reasoning_effort: 'high',
    max_tokens: 500,
    response_format: overrides.response_format,
    parallel_tool_calls: false
  })
  await stopped(server, run)
})

test('null is the default of every parameter', async t => {
  const { server, assistant, thread } = await ready(t, [text('Hi.'), text('Hi.')], { temperature: 0.3, tools: [lookUp], reasoning_effort: 'low' })
  const plain = await stopped(server, await start(server, thread, { assistant_id: assistant.id }))
  const names = ['model', 'instructions', 'tools', 'temperature', 'top_p', 'reasoning_effort', 'response_format', 'additional_instructions', 'additional_messages',
    'metadata', 'stream', 'max_prompt_tokens', 'max_completion_tokens', 'truncation_strategy', 'tool_choice', 'parallel_tool_calls']
  const nulls = await stopped(server, await start(server, thread, { assistant_id: assistant.id, ...Object.fromEntries(names.map(name => [name, null])) }))
  const { id, created_at: at, started_at: from, completed_at: to, usage } = plain
  t.strictSame({ ...nulls, id, created_at: at, started_at: from, completed_at: to, usage }, plain)
})

test('additional instructions are appended, additional messages come first into the thread', async t => {
  const { server, assistant, thread } = await ready(t)
  const run = await start(server, thread, {
    assistant_id: assistant.id,
    additional_instructions: 'Speak French.',
    additional_messages: [{ role: 'assistant', content: 'Yes?', metadata: { a: 'b' } }, { role: 'user', content: [{ type: 'text', text: 'What time is it?' }] }]
  })
  t.equal(run.instructions, 'Be brief.\n\nSpeak French.')
  t.strictSame((await server.upstream.next()).body.messages, [
    { role: 'system', content: 'Be brief.\n\nSpeak French.' },
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Yes?' },
    { role: 'user', content: 'What time is it?' }
  ])
  await stopped(server, run)
  const { data } = (await server.get(`/threads/${thread.id}/messages?order=asc`)).body
  t.strictSame(data.map((message: any) => [message.role, message.content[0].text.value, message.run_id, message.metadata]),
    [['user', 'Hello', null, {}], ['assistant', 'Yes?', null, { a: 'b' }], ['user', 'What time is it?', null, {}], ['assistant', 'Hi.', run.id, {}]])
})

test('an empty list of additional messages is fine', async t => {
  const { server, assistant, thread } = await ready(t)
  t.equal((await stopped(server, await start(server, thread, { assistant_id: assistant.id, additional_messages: [] }))).status, 'completed')
})

test('a run keeps the model, instructions and tools that the assistant had when it began', async t => {
  const gate = new Gate()
  const { server, assistant, thread } = await ready(t, [gated(text('Hi.'), gate)], { tools: [lookUp] })
  const run = await start(server, thread, { assistant_id: assistant.id })
  await gate.reached()
  await server.post(`/assistants/${assistant.id}`, { model: 'changed', instructions: 'changed', tools: [] })
  await server.delete(`/assistants/${assistant.id}`)
  gate.open(Infinity)
  t.match(await stopped(server, run), { status: 'completed', assistant_id: assistant.id, model: 'test-model', instructions: 'Be brief.', tools: [lookUp] })
})

test('a thread and its run are created in one request', async t => {
  covers(t, 'createThreadAndRun')
  const { server, assistant } = await ready(t, [text('Hi.'), text('Hi.')])
  const { body: run } = await server.post('/threads/runs', {
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hello' }], metadata: { of: 'thread' } },
    metadata: { of: 'run' }
  })
  t.match(run, { status: 'queued', metadata: { of: 'run' }, thread_id: /^thread_/ })
  await stopped(server, run)
  t.match((await server.get(`/threads/${run.thread_id}`)).body, { metadata: { of: 'thread' } })
  t.equal((await server.get(`/threads/${run.thread_id}/messages`)).body.data.length, 2)
  const { body: bare } = await server.post('/threads/runs', { assistant_id: assistant.id, additional_messages: [{ role: 'user', content: 'x' }], additional_instructions: 'y', reasoning_effort: 'low' })
  t.match(bare, { instructions: 'Be brief.\n\ny', reasoning_effort: 'low' })
  await stopped(server, bare)
})

test('without a message and without instructions there is nothing to run', async t => {
  const server = await startServer(t, { script: [text('Hi.'), text('Hi.'), text('Hi.')] })
  const [assistant, thread] = [await newAssistant(server, { instructions: null }), await newThread(server)]
  const error = { message: 'Run creation requires a Thread with a user message or an assistant with instructions.', type: 'invalid_request_error', param: null, code: 'invalid_thread' }
  t.match(await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }), { status: 400, body: { error } })
  t.match(await server.post('/threads/runs', { assistant_id: assistant.id }), { status: 400, body: { error } })
  t.strictSame((await server.get(`/threads/${thread.id}/runs`)).body.data, [])
  for (const enough of [{ instructions: 'x' }, { additional_instructions: 'x' }, { additional_messages: [{ role: 'user', content: 'x' }] }]) {
    t.equal((await stopped(server, await start(server, thread, { assistant_id: assistant.id, ...enough }))).status, 'completed')
  }
})

test('bad parameters are refused by name and leave nothing behind', async t => {
  const { server, assistant, thread } = await ready(t)
  const refusals: [fields: object, param: string | null, code: string | null, message?: string][] = [
    [{ assistant_id: undefined }, 'assistant_id', 'missing_required_parameter'],
    [{ assistant_id: 'thread_1' }, 'assistant_id', 'invalid_value', "Invalid 'assistant_id': 'thread_1'. Expected an ID that begins with 'asst'."],
    [{ temperature: 3 }, 'temperature', 'decimal_above_max_value'],
    [{ max_prompt_tokens: 15 }, 'max_prompt_tokens', 'integer_below_min_value'],
    [{ max_completion_tokens: 15 }, 'max_completion_tokens', 'integer_below_min_value'],
    [{ max_completion_tokens: 20.5 }, 'max_completion_tokens', 'invalid_type'],
    [{ truncation_strategy: { type: 'first_messages' } }, 'truncation_strategy.type', 'invalid_value'],
    [{ truncation_strategy: { type: 'last_messages', last_messages: 0 } }, 'truncation_strategy.last_messages', 'integer_below_min_value'],
    [{ tool_choice: 'always' }, 'tool_choice', 'invalid_value'],
    [{ tool_choice: { type: 'function' } }, 'tool_choice.function', 'missing_required_parameter'],
    [{ parallel_tool_calls: 'yes' }, 'parallel_tool_calls', 'invalid_type'],
    [{ stream: 'true' }, 'stream', 'invalid_type'],
    [{ stream: true, top_p: 2 }, 'top_p', 'decimal_above_max_value'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function', 'missing_required_parameter'],
    [{ additional_messages: [{ role: 'user', content: 'kept?' }, { role: 'user' }] }, 'additional_messages[1].content', 'missing_required_parameter'],
    [{ include: [] }, 'include', 'unknown_parameter'],
    [{ thread: {} }, 'thread', 'unknown_parameter']
  ]
  for (const [fields, param, code, message] of refusals) {
    const answer = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })
    t.match(answer, { status: 400, body: { error: { type: 'invalid_request_error', param, code } } }, answer.body.error?.message)
    if (message !== undefined) t.equal(answer.body.error.message, message)
  }
  t.match(await server.post(`/threads/${thread.id}/runs?include[]=everything`, { assistant_id: assistant.id }), { status: 400, body: { error: { param: 'include[0]', code: 'invalid_value' } } })
  const absent = await server.post(`/threads/${thread.id}/runs`, { assistant_id: 'asst_none', stream: true })
  t.match(absent, { status: 404, body: { error: { message: "No assistant found with id 'asst_none'." } } }, 'as JSON, though a stream was asked for')
  t.strictSame((await server.get(`/threads/${thread.id}/runs`)).body.data, [])
  t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data.length, 1)
  t.equal(server.upstream.chats.length, 0, 'the model was not bothered')
})

test('include is taken in every way that clients write it', async t => {
  const { server, assistant, thread } = await ready(t, [text('1'), text('2'), text('3')])
  const value = encodeURIComponent('step_details.tool_calls[*].file_search.results[*].content')
  for (const query of [`include%5B%5D=${value}`, `include=${value}`, `include[]=${value}&include[]=${value}`]) {
    const { status, body } = await server.post(`/threads/${thread.id}/runs?${query}`, { assistant_id: assistant.id })
    t.equal(status, 200, query)
    await stopped(server, body)
    t.equal((await server.get(`/threads/${thread.id}/runs/${body.id}/steps?${query}`)).status, 200)
  }
})

test('a tool choice that names what the run does not have is refused before anything is stored', async t => {
  const server = await startServer(t, {
    script: [text('Hi'), text('Hi'), text('Hi')],
    tools: [{ name: 'clock', parameters: { type: 'object', properties: {} }, execute: () => 'noon' }]
  })
  const own = [{ type: 'function', function: { name: 'own' } }]
  const assistant = await newAssistant(server, { tools: own })
  const thread = await newThread(server, 'Hello')
  const path = `/threads/${thread.id}/runs`
  const force = (name: string) => ({ type: 'function', function: { name } })
  const refused = async (fields: object, what: string) => t.match(await server.post(path, { assistant_id: assistant.id, additional_messages: [{ role: 'user', content: 'kept?' }], ...fields }), {
    status: 400, body: { error: { message: `Invalid value for 'tool_choice': no ${what} was specified in the 'tools' parameter.`, type: 'invalid_request_error', param: 'tool_choice' } }
  })
  await refused({ tool_choice: force('other') }, "function named 'other'")
  await refused({ tool_choice: force('own'), tools: [] }, "function named 'own'")
  await refused({ tool_choice: { type: 'file_search' } }, "tool of type 'file_search'")
  t.match(await server.post('/threads/runs', { assistant_id: assistant.id, tool_choice: force('other') }), { status: 400, body: { error: { param: 'tool_choice' } } })
  t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data.length, 1)
  for (const tool of [force('own'), force('clock'), { type: 'code_interpreter' }]) {
    const { status, body } = await server.post('/threads/runs', {
      assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] }, tool_choice: tool, tools: [...own, { type: 'code_interpreter' }]
    })
    t.equal(status, 200, JSON.stringify(tool))
    await stopped(server, body)
  }
})
