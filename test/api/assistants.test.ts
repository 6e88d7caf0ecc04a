import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { covers, newAssistant, startServer } from '../helpers/server.js'

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
    strict: true
  }
}

/** Every field with a value that is not its default. */
const everything = {
  model: 'test-model',
  name: 'Wetterfrosch 🐸',
  description: 'Knows the weather',
  instructions: 'Be brief.\nBe right.',
  tools: [weather, { type: 'code_interpreter' as const }],
  metadata: { team: 'blue', empty: '' },
  temperature: 0.2,
  top_p: 0,
  reasoning_effort: 'low' as const,
  response_format: { type: 'json_schema' as const, json_schema: { name: 'Forecast', description: 'd', schema: { type: 'object' }, strict: true } }
}

for (const sdk of sdks) {
  test(`${sdk.name}: an assistant is created, read, listed, modified and deleted`, async t => {
    covers(t, 'createAssistant', 'getAssistant', 'listAssistants', 'modifyAssistant', 'deleteAssistant')
    const { assistants } = (await startServer(t)).client(sdk).beta
    const assistant = await assistants.create(everything)
    const { id, created_at: at, ...shown } = assistant
    t.match(id, /^asst_[0-9A-Za-z]{24}$/)
    t.ok(Math.abs(Date.now() / 1000 - at) < 5)
    t.strictSame(shown, { object: 'assistant', ...everything, tool_resources: { code_interpreter: { file_ids: [] } } })
    t.strictSame(await assistants.retrieve(id), assistant)
    t.strictSame((await assistants.list()).data, [assistant])
    const modified = await assistants.update(id, { name: 'Frog' })
    t.strictSame(modified, { ...assistant, name: 'Frog' })
    t.strictSame(await assistants.retrieve(id), modified)
    t.strictSame(await assistants.delete(id), { id, object: 'assistant.deleted', deleted: true })
    await t.rejects(assistants.retrieve(id), { status: 404, message: `404 No assistant found with id '${id}'.` })
  })
}

test('an assistant made of a model alone shows every key with its default', async t => {
  const server = await startServer(t)
  const { status, body } = await server.post('/assistants', { model: 'test-model' })
  t.equal(status, 200)
  t.strictSame(body, {
    id: body.id,
    object: 'assistant',
    created_at: body.created_at,
    name: null,
    description: null,
    model: 'test-model',
    instructions: null,
    tools: [],
    top_p: 1,
    temperature: 1,
    reasoning_effort: null,
    tool_resources: {},
    metadata: {},
    response_format: 'auto'
  })
})

test('null is the default of every field that may be null', async t => {
  const server = await startServer(t)
  const bare = await newAssistant(server, { instructions: null })
  const nulls = await newAssistant(server, {
    name: null, description: null, instructions: null, metadata: null, temperature: null, top_p: null, reasoning_effort: null, response_format: null, tool_resources: null
  })
  t.strictSame({ ...nulls, id: bare.id, created_at: bare.created_at }, bare)
})

test('tools are shown with the defaults that were left out', async t => {
  const server = await startServer(t)
  const shown = async (tool: object) => (await newAssistant(server, { tools: [tool] })).tools[0]
  t.strictSame(await shown({ type: 'function', function: { name: 'f' } }),
    { type: 'function', function: { name: 'f', description: null, parameters: { type: 'object', properties: {} }, strict: false } })
  t.strictSame(await shown({ type: 'function', function: { name: 'f', strict: null } }),
    { type: 'function', function: { name: 'f', description: null, parameters: { type: 'object', properties: {} }, strict: false } })
  t.strictSame(await shown({ type: 'file_search' }),
    { type: 'file_search', file_search: { ranking_options: { ranker: 'default_2024_08_21', score_threshold: 0 } } })
  t.strictSame(await shown({ type: 'file_search', file_search: { max_num_results: 3, ranking_options: { score_threshold: 0.5 } } }),
    { type: 'file_search', file_search: { max_num_results: 3, ranking_options: { ranker: 'default_2024_08_21', score_threshold: 0.5 } } })
  t.strictSame(await shown(weather), weather)
})

test('the parameters of a function are any JSON and come back as they were', async t => {
  const server = await startServer(t)
  const parameters = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{},"a.b":{"enum":[null,1,1.5,"x",true,[]]}},"$defs":{"":{}},"x":-0.5e10}')
  const { tools } = await newAssistant(server, { tools: [{ type: 'function', function: { name: 'f', parameters } }] })
  t.equal(JSON.stringify(tools[0].function.parameters), JSON.stringify(parameters))
})

test('the limits of every field are inclusive', async t => {
  const server = await startServer(t)
  await newAssistant(server, {
    name: '🐸'.repeat(256),
    description: 'd'.repeat(512),
    instructions: 'i'.repeat(256_000),
    tools: Array.from({ length: 128 }, (_, n) => ({ type: 'function', function: { name: `${n}`.padEnd(64, '_'), description: 'd'.repeat(1024) } })),
    temperature: 2,
    top_p: 1
  })
  const refusals: [fields: object, param: string, code: string][] = [
    [{ name: 'n'.repeat(257) }, 'name', 'string_above_max_length'],
    [{ description: 'd'.repeat(513) }, 'description', 'string_above_max_length'],
    [{ instructions: 'i'.repeat(256_001) }, 'instructions', 'string_above_max_length'],
    [{ tools: Array.from({ length: 129 }, () => ({ type: 'code_interpreter' })) }, 'tools', 'array_above_max_length'],
    [{ tools: [{ type: 'function', function: { name: 'n'.repeat(65) } }] }, 'tools[0].function.name', 'string_above_max_length'],
    [{ tools: [{ type: 'function', function: { name: 'get weather' } }] }, 'tools[0].function.name', 'invalid_value'],
    [{ tools: [{ type: 'function', function: { name: 'f', description: 'd'.repeat(1025) } }] }, 'tools[0].function.description', 'string_above_max_length'],
    [{ tools: [{ type: 'file_search', file_search: { max_num_results: 51 } }] }, 'tools[0].file_search.max_num_results', 'integer_above_max_value'],
    [{ tools: [{ type: 'file_search', file_search: { max_num_results: 0 } }] }, 'tools[0].file_search.max_num_results', 'integer_below_min_value'],
    [{ tools: [{ type: 'file_search', file_search: { ranking_options: {} } }] }, 'tools[0].file_search.ranking_options.score_threshold', 'missing_required_parameter'],
    [{ tools: [{ type: 'retrieval' }] }, 'tools[0].type', 'invalid_value'],
    [{ temperature: 2.1 }, 'temperature', 'decimal_above_max_value'],
    [{ temperature: -0.1 }, 'temperature', 'decimal_below_min_value'],
    [{ top_p: 1.1 }, 'top_p', 'decimal_above_max_value'],
    [{ top_p: -1 }, 'top_p', 'decimal_below_min_value'],
    [{ reasoning_effort: 'extreme' }, 'reasoning_effort', 'invalid_value'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema', 'missing_required_parameter'],
    [{ response_format: 'text' }, 'response_format', 'invalid_value'],
    [{ model: null }, 'model', 'invalid_type'],
    [{ tool_resources: { code_interpreter: { file_ids: Array(21).fill('file-1') } } }, 'tool_resources.code_interpreter.file_ids', 'array_above_max_length'],
    [{ tool_resources: { file_search: { vector_store_ids: ['vs_1', 'vs_2'] } } }, 'tool_resources.file_search.vector_store_ids', 'array_above_max_length'],
    [{ tool_resources: { file_search: { vector_store_ids: ['vs_1'], vector_stores: [{}] } } }, 'tool_resources.file_search', 'mutually_exclusive_parameters']
  ]
  for (const [fields, param, code] of refusals) {
    const { status, body } = await server.post('/assistants', { model: 'test-model', ...fields })
    t.match({ status, ...body.error }, { status: 400, type: 'invalid_request_error', param, code }, `${param}: ${body.error?.message}`)
  }
  t.equal((await server.get('/assistants')).body.data.length, 1, 'nothing came of the refused ones')
})

test('every reasoning effort and response format is taken', async t => {
  const server = await startServer(t)
  for (const effort of ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']) {
    t.equal((await newAssistant(server, { reasoning_effort: effort })).reasoning_effort, effort)
  }
  for (const format of ['auto', { type: 'text' }, { type: 'json_object' }, { type: 'json_schema', json_schema: { name: 'n', schema: {} } }]) {
    t.strictSame((await newAssistant(server, { response_format: format })).response_format, format)
  }
})

test('resources that do not exist cannot be given', async t => {
  const server = await startServer(t)
  const files = await server.post('/assistants', { model: 'm', tool_resources: { code_interpreter: { file_ids: ['file-1', 'file-2'] } } })
  t.match(files, { status: 404, body: { error: { message: 'Files [file-1, file-2] were not found', param: null, code: null } } })
  const stores = await server.post('/assistants', { model: 'm', tool_resources: { file_search: { vector_store_ids: ['vs_1'] } } })
  t.match(stores, { status: 404, body: { error: { message: "No vector store found with id 'vs_1'.", param: null, code: null } } })
  t.strictSame((await server.get('/assistants')).body.data, [])
})

test('modifying leaves what is absent, clears what is null and replaces what is given', async t => {
  const server = await startServer(t)
  const assistant = (await server.post('/assistants', everything)).body
  const modify = async (fields: object) => (await server.post(`/assistants/${assistant.id}`, fields)).body
  t.strictSame(await modify({}), assistant, 'an empty body changes nothing')
  const replaced = await modify({ metadata: { team: 'red' }, tools: [{ type: 'code_interpreter' }], model: 'other' })
  t.strictSame(replaced, { ...assistant, metadata: { team: 'red' }, tools: [{ type: 'code_interpreter' }], model: 'other' })
  const cleared = await modify({
    name: null, description: null, instructions: null, metadata: null, temperature: null, top_p: null, reasoning_effort: null, response_format: null
  })
  t.match(cleared, {
    name: null, description: null, instructions: null, temperature: 1, top_p: 1, reasoning_effort: null, response_format: 'auto', model: 'other'
  })
  t.strictSame(cleared.metadata, {})
  t.strictSame((await modify({ tools: [] })).tools, [])
  t.strictSame((await modify({ tool_resources: null })).tool_resources, {})
  t.strictSame((await server.get(`/assistants/${assistant.id}`)).body, { ...cleared, tools: [], tool_resources: {} })
})

test('a refused modification changes nothing', async t => {
  const server = await startServer(t)
  const assistant = await newAssistant(server, { name: 'before' })
  for (const fields of [{ name: 'after', temperature: 3 }, { name: 'after', modell: 'x' }, { name: 'after', model: null }, { name: 'after', tool_resources: { file_search: { vector_stores: [{}] } } }]) {
    t.equal((await server.post(`/assistants/${assistant.id}`, fields)).status, 400)
  }
  t.strictSame((await server.get(`/assistants/${assistant.id}`)).body, assistant)
})

test('modifications made at the same time are all kept', async t => {
  const server = await startServer(t)
  const { id } = await newAssistant(server)
  await Promise.all([{ name: 'a' }, { description: 'b' }, { instructions: 'c' }, { temperature: 0 }].map(async fields => await server.post(`/assistants/${id}`, fields)))
  t.match((await server.get(`/assistants/${id}`)).body, { name: 'a', description: 'b', instructions: 'c', temperature: 0 })
})
