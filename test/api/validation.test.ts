import { test } from 'tap'
import { newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { text } from '../helpers/upstream.js'

interface Taker {
  method?: string
  path: string
  /** What else the request needs. */
  rest: object
}

/** Every request that takes metadata. */
async function takers (server: TestServer): Promise<Taker[]> {
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const [message] = (await server.get(`/threads/${thread.id}/messages`)).body.data
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  return [
    { path: '/assistants', rest: { model: 'm' } },
    { path: `/assistants/${assistant.id}`, rest: {} },
    { path: '/threads', rest: {} },
    { path: `/threads/${thread.id}`, rest: {} },
    { path: `/threads/${thread.id}/messages`, rest: { role: 'user', content: 'x' } },
    { path: `/threads/${thread.id}/messages/${message.id}`, rest: {} },
    { path: `/threads/${thread.id}/runs/${run.id}`, rest: {} }
  ]
}

const pairs = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, `v${n}`]))

test('metadata is taken up to its limits, on everything that has it', async t => {
  const server = await startServer(t, { script: [text('Hi.')] })
  const accepted = [
    pairs(16),
    { ['k'.repeat(64)]: 'v'.repeat(512) },
    { ['🐸'.repeat(64)]: '🐸'.repeat(512) },
    { '': '' },
    JSON.parse('{"__proto__":"a","constructor":"b","hasOwnProperty":"c","toString":"d"}'),
    { 'a.b': 'c', 'a b\n': '\u0000' },
    {}
  ]
  for (const { path, rest } of await takers(server)) {
    for (const metadata of accepted) {
      const { status, body } = await server.post(path, { ...rest, metadata })
      t.equal(status, 200, path)
      t.equal(JSON.stringify(body.metadata), JSON.stringify(metadata))
      const read = path.includes(body.id) ? path : `${path}/${body.id}`
      t.equal(JSON.stringify((await server.get(read)).body.metadata), JSON.stringify(metadata), 'and read back')
    }
    t.strictSame((await server.post(path, { ...rest, metadata: null })).body.metadata, {})
  }
})

test('metadata beyond its limits is refused, on everything that has it', async t => {
  const server = await startServer(t, { script: [text('Hi.')] })
  const refused: [metadata: unknown, message: string, param: string, code: string][] = [
    [pairs(17), "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.", 'metadata', 'object_above_max_properties'],
    [{ ['k'.repeat(65)]: 'v' }, "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, but got a string with length 65 instead.", `metadata.${'k'.repeat(65)}`, 'property_name_above_max_length'],
    [{ k: 'v'.repeat(513) }, "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead.", 'metadata.k', 'string_above_max_length'],
    [{ k: true }, "Invalid type for 'metadata.k': expected a string, but got a boolean instead.", 'metadata.k', 'invalid_type'],
    [{ k: 1 }, "Invalid type for 'metadata.k': expected a string, but got an integer instead.", 'metadata.k', 'invalid_type'],
    [{ k: 1.5 }, "Invalid type for 'metadata.k': expected a string, but got a decimal number instead.", 'metadata.k', 'invalid_type'],
    [{ k: null }, "Invalid type for 'metadata.k': expected a string, but got null instead.", 'metadata.k', 'invalid_type'],
    [{ k: {} }, "Invalid type for 'metadata.k': expected a string, but got an object instead.", 'metadata.k', 'invalid_type'],
    [{ k: [] }, "Invalid type for 'metadata.k': expected a string, but got an array instead.", 'metadata.k', 'invalid_type'],
    ['x', "Invalid type for 'metadata': expected an object, but got a string instead.", 'metadata', 'invalid_type'],
    [['x'], "Invalid type for 'metadata': expected an object, but got an array instead.", 'metadata', 'invalid_type']
  ]
  for (const { path, rest } of await takers(server)) {
    for (const [metadata, message, param, code] of refused) {
      const answer = await server.post(path, { ...rest, metadata })
      t.match(answer, { status: 400, body: { error: { message, type: 'invalid_request_error', param, code } } }, path)
    }
  }
})

test('an id of the wrong kind says what was expected, wherever it stands', async t => {
  const server = await startServer(t)
  const refusals: [method: string, path: string, param: string, shown: string, prefix: string][] = [
    ['GET', '/assistants/undefined', 'assistant_id', 'undefined', 'asst'],
    ['POST', '/assistants/thread_1', 'assistant_id', 'thread_1', 'asst'],
    ['DELETE', '/assistants/%20', 'assistant_id', ' ', 'asst'],
    ['GET', '/threads/undefined', 'thread_id', 'undefined', 'thread'],
    ['POST', '/threads/null/messages', 'thread_id', 'null', 'thread'],
    ['GET', '/threads/thread_1/messages/undefined', 'message_id', 'undefined', 'msg'],
    ['DELETE', '/threads/thread_1/messages/run_1', 'message_id', 'run_1', 'msg'],
    ['GET', '/threads/thread_1/runs/undefined', 'run_id', 'undefined', 'run'],
    ['POST', '/threads/thread_1/runs/msg_1/cancel', 'run_id', 'msg_1', 'run'],
    ['GET', '/threads/thread_1/runs/undefined/steps', 'run_id', 'undefined', 'run'],
    ['GET', '/threads/asst_1/runs/run_1/steps/step_1', 'thread_id', 'asst_1', 'thread']
  ]
  for (const [method, path, param, shown, prefix] of refusals) {
    t.match(await server.request(method, path), {
      status: 400,
      body: { error: { message: `Invalid '${param}': '${shown}'. Expected an ID that begins with '${prefix}'.`, type: 'invalid_request_error', param, code: 'invalid_value' } }
    }, `${method} ${path}`)
  }
})

test('an id of the right kind that nobody has is a 404 that names it, whatever else is in it', async t => {
  const server = await startServer(t)
  const missing = (what: string, id: string) => ({ status: 404, body: { error: { message: `No ${what} found with id '${id}'.`, type: 'invalid_request_error', param: null, code: null } } })
  for (const id of ['asst_', 'asst_none', 'asst_%00', 'asst_..%2F..', "asst_'; DROP TABLE records; --", 'asst_ü🐸', 'asst___proto__']) {
    t.match(await server.get(`/assistants/${encodeURI(id).replaceAll('%25', '%')}`), missing('assistant', decodeURIComponent(id)), id)
  }
  for (const method of ['GET', 'POST', 'DELETE']) {
    t.match(await server.request(method, '/assistants/asst_1', method === 'POST' ? {} : undefined), missing('assistant', 'asst_1'))
    t.match(await server.request(method, '/threads/thread_1', method === 'POST' ? {} : undefined), missing('thread', 'thread_1'))
    t.match(await server.request(method, '/threads/thread_1/messages/msg_1', method === 'POST' ? {} : undefined), missing('thread', 'thread_1'), 'the outermost is named')
  }
  const thread = await newThread(server)
  t.match(await server.get(`/threads/${thread.id}/messages/msg_1`), missing('message', 'msg_1'))
  t.match(await server.get(`/threads/${thread.id}/runs/run_1`), missing('run', 'run_1'))
  t.match(await server.get(`/threads/${thread.id}/runs/run_1/steps`), missing('run', 'run_1'))
  t.match(await server.get(`/threads/${thread.id}/runs/run_1/steps/step_1`), missing('run', 'run_1'))
  t.match(await server.post(`/threads/${thread.id}/runs/run_1/submit_tool_outputs`, { tool_outputs: [] }), missing('run', 'run_1'))
  t.match(await server.post(`/threads/${thread.id}/runs`, { assistant_id: 'asst_1' }), missing('assistant', 'asst_1'))
})

test('unknown parameters are refused at every depth, or ignored when configured', async t => {
  const bodies: [path: string, body: object, param: string][] = [
    ['/assistants', { model: 'm', extra: 1 }, 'extra'],
    ['/assistants', { model: 'm', tools: [{ type: 'function', function: { name: 'f', extra: 1 } }] }, 'tools[0].function.extra'],
    ['/assistants', { model: 'm', tools: [{ type: 'code_interpreter', extra: 1 }] }, 'tools[0].extra'],
    ['/assistants', JSON.parse('{"model":"m","__proto__":{"name":"x"}}'), '__proto__'],
    ['/assistants', { model: 'm', constructor: { prototype: {} } }, 'constructor'],
    ['/threads', { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', extra: 1 }] }] }, 'messages[0].content[0].extra'],
    ['/threads', { tool_resources: { code_interpreter: { extra: [] } } }, 'tool_resources.code_interpreter.extra']
  ]
  const [strict, lenient] = [await startServer(t), await startServer(t, { unknownParameters: 'ignore' })]
  for (const [path, body, param] of bodies) {
    t.match(await strict.post(path, body), { status: 400, body: { error: { message: `Unknown parameter: '${param}'.`, type: 'invalid_request_error', param, code: 'unknown_parameter' } } })
    const { status, body: made } = await lenient.post(path, body)
    t.equal(status, 200, param)
    t.notMatch(JSON.stringify(made), /extra|__proto__/, 'what is ignored does not come back')
    t.not(made.name, 'x')
  }
  t.match(await lenient.post('/assistants', { extra: 1 }), { status: 400, body: { error: { code: 'missing_required_parameter' } } })
  t.match(await lenient.post('/assistants', { model: 'm', metadata: pairs(17) }), { status: 400, body: { error: { code: 'object_above_max_properties' } } })
})

test('nesting that would exhaust the stack is refused', async t => {
  const server = await startServer(t)
  const deep = (levels: number): string => `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}}]}`
  t.equal((await server.post('/assistants', deep(100))).status, 200)
  for (const levels of [200, 10_000, 100_000]) {
    const { status, body } = await server.post('/assistants', deep(levels))
    t.equal(status, 400)
    t.equal(body.error.type, 'invalid_request_error', body.error.message)
  }
  t.match(await server.post('/threads', '['.repeat(100_000)), { status: 400 })
})

test('the first thing wrong is told: what is missing, then what is unknown, then the fields in their order', async t => {
  const server = await startServer(t)
  const told = async (body: object) => (await server.post('/assistants', body)).body.error.param
  t.equal(await told({ extra: 1, name: 5 }), 'model')
  t.equal(await told({ model: 1, name: 5, extra: 1 }), 'extra')
  t.equal(await told({ name: 5, model: 1 }), 'model')
  t.equal(await told({ model: 'm', top_p: 5, name: 5 }), 'name')
})
