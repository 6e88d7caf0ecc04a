import Fastify from 'fastify'
import { Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import { ApiError } from '../../lib/shared/errors.js'
import { compileValidator, type RequestPart, type ValidatorOptions } from '../../lib/shared/validation.js'
import {
  AssistantParams, closedObject, CreateAssistantRequest, CreateMessageRequest, CreateRunRequest, CreateThreadAndRunRequest,
  CreateThreadRequest, CreateVectorStoreFileBatchRequest, ListMessagesQuery, ListQuery, ListRunStepsQuery, nullable, RunStepParams, SubmitToolOutputsRequest,
  ThreadParams, UpdateAssistantRequest, UpdateThreadRequest, UploadFileRequest
} from '../../schemas/index.js'

const INCLUDE = 'step_details.tool_calls[*].file_search.results[*].content'

function validate (schema: TSchema, value: unknown, part: RequestPart = 'body', unknownParameters: ValidatorOptions['unknownParameters'] = 'reject') {
  return compileValidator(schema, part, { unknownParameters })(value)
}

/** Nested by hand, because `JSON.stringify` would not survive it. */
function nested (levels: number): unknown {
  return JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels))
}

type Refusal = [schema: TSchema, value: unknown, code: string, param: string | null, message: string, part?: RequestPart]

const message = (fields: object) => ({ role: 'user', content: 'Hi', ...fields })
const functionTool = (definition: object) => ({ model: 'm', tools: [{ type: 'function', function: definition }] })
const metadata = (value: unknown) => ({ model: 'm', metadata: value })

const refusals: Record<string, Refusal> = {
  'a missing key': [CreateAssistantRequest, { name: 'x' },
    'missing_required_parameter', 'model',
    "Missing required parameter: 'model'."],
  'a missing key deep down': [CreateAssistantRequest, functionTool({ description: 'x' }),
    'missing_required_parameter', 'tools[0].function.name',
    "Missing required parameter: 'tools[0].function.name'."],
  'a missing key of a chosen branch': [CreateAssistantRequest, { model: 'm', tools: [{ type: 'code_interpreter' }, { type: 'function' }] },
    'missing_required_parameter', 'tools[1].function',
    "Missing required parameter: 'tools[1].function'."],
  'an unknown key': [CreateAssistantRequest, { model: 'm', modell: 'x' },
    'unknown_parameter', 'modell',
    "Unknown parameter: 'modell'."],
  'an unknown key deep down': [CreateThreadRequest, { messages: [message({ attachments: [{ file_id: 'file-1', tools: [], x: 1 }] })] },
    'unknown_parameter', 'messages[0].attachments[0].x',
    "Unknown parameter: 'messages[0].attachments[0].x'."],
  'an unknown key of endless length': [CreateAssistantRequest, { model: 'm', ['k'.repeat(5000)]: 1 },
    'unknown_parameter', 'kkk...kkk',
    "Unknown parameter: 'kkk...kkk'."],
  'a key of Object.prototype': [CreateAssistantRequest, { model: 'm', constructor: {} },
    'unknown_parameter', 'constructor',
    "Unknown parameter: 'constructor'."],
  'a __proto__ key': [CreateAssistantRequest, JSON.parse('{"model":"m","__proto__":{"name":"x"}}'),
    'unknown_parameter', '__proto__',
    "Unknown parameter: '__proto__'."],
  'what is missing before what is unknown': [CreateAssistantRequest, { x: 1 },
    'missing_required_parameter', 'model',
    "Missing required parameter: 'model'."],
  'what is unknown before what is wrong': [CreateAssistantRequest, { model: 1, x: 1 },
    'unknown_parameter', 'x',
    "Unknown parameter: 'x'."],
  'wrong fields in the order of the schema': [CreateAssistantRequest, { temperature: 'x', name: 1, model: 'm' },
    'invalid_type', 'name',
    "Invalid type for 'name': expected a string, but got an integer instead."],
  'a required key that is null': [CreateAssistantRequest, { model: null },
    'invalid_type', 'model',
    "Invalid type for 'model': expected a string, but got null instead."],
  'a boolean for a string': [CreateAssistantRequest, metadata({ k: true }),
    'invalid_type', 'metadata.k',
    "Invalid type for 'metadata.k': expected a string, but got a boolean instead."],
  'an array for a string': [CreateRunRequest, { assistant_id: 'asst_1', instructions: ['x'] },
    'invalid_type', 'instructions',
    "Invalid type for 'instructions': expected a string, but got an array instead."],
  'a string for a boolean': [CreateRunRequest, { assistant_id: 'asst_1', stream: 'true' },
    'invalid_type', 'stream',
    "Invalid type for 'stream': expected a boolean, but got a string instead."],
  'a string for an object': [CreateThreadRequest, { metadata: 'x' },
    'invalid_type', 'metadata',
    "Invalid type for 'metadata': expected an object, but got a string instead."],
  'a string for an array': [CreateAssistantRequest, { model: 'm', tools: 'x' },
    'invalid_type', 'tools',
    "Invalid type for 'tools': expected an array of objects, but got a string instead."],
  'null for an array': [CreateAssistantRequest, { model: 'm', tools: null },
    'invalid_type', 'tools',
    "Invalid type for 'tools': expected an array of objects, but got null instead."],
  'an object for an array of strings': [UpdateThreadRequest, { tool_resources: { code_interpreter: { file_ids: {} } } },
    'invalid_type', 'tool_resources.code_interpreter.file_ids',
    "Invalid type for 'tool_resources.code_interpreter.file_ids': expected an array of strings, but got an object instead."],
  'a string for an element': [CreateAssistantRequest, { model: 'm', tools: ['file_search'] },
    'invalid_type', 'tools[0]',
    "Invalid type for 'tools[0]': expected an object, but got a string instead."],
  'a string for a decimal': [CreateAssistantRequest, { model: 'm', temperature: '1' },
    'invalid_type', 'temperature',
    "Invalid type for 'temperature': expected a decimal, but got a string instead."],
  'a decimal for an integer': [CreateRunRequest, { assistant_id: 'asst_1', max_prompt_tokens: 256.5 },
    'invalid_type', 'max_prompt_tokens',
    "Invalid type for 'max_prompt_tokens': expected an integer, but got a decimal number instead."],
  'a number that JSON does not have': [CreateAssistantRequest, { model: 'm', temperature: NaN },
    'invalid_type', 'temperature',
    "Invalid type for 'temperature': expected a decimal, but got a decimal number instead."],
  'an array for free-form JSON': [CreateAssistantRequest, functionTool({ name: 'f', parameters: [1] }),
    'invalid_type', 'tools[0].function.parameters',
    "Invalid type for 'tools[0].function.parameters': expected an object, but got an array instead."],
  'an object for a string or an array': [CreateMessageRequest, message({ content: { type: 'text', text: 'Hi' } }),
    'invalid_type', 'content',
    "Invalid type for 'content': expected one of a string or array of objects, but got an object instead."],
  'null for a string or an array': [CreateMessageRequest, message({ content: null }),
    'invalid_type', 'content',
    "Invalid type for 'content': expected one of a string or array of objects, but got null instead."],
  'a number for one of a set': [CreateMessageRequest, message({ role: 1 }),
    'invalid_type', 'role',
    "Invalid type for 'role': expected one of 'user' or 'assistant', but got an integer instead."],
  'a number for one of a set or an object': [CreateRunRequest, { assistant_id: 'asst_1', tool_choice: 7 },
    'invalid_type', 'tool_choice',
    "Invalid type for 'tool_choice': expected one of one of 'none', 'auto', or 'required' or object, but got an integer instead."],
  'a boolean for one string or an object': [CreateAssistantRequest, { model: 'm', response_format: true },
    'invalid_type', 'response_format',
    "Invalid type for 'response_format': expected one of 'auto' or object, but got a boolean instead."],
  'a type that is no string': [CreateAssistantRequest, { model: 'm', tools: [{ type: null }] },
    'invalid_type', 'tools[0].type',
    "Invalid type for 'tools[0].type': expected one of 'code_interpreter', 'file_search', or 'function', but got null instead."],
  'an element without a type': [CreateMessageRequest, message({ content: [{ text: 'Hi' }] }),
    'missing_required_parameter', 'content[0].type',
    "Missing required parameter: 'content[0].type'."],
  'an unknown type': [CreateAssistantRequest, { model: 'm', tools: [{ type: 'retrieval' }] },
    'invalid_value', 'tools[0].type',
    "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'file_search', and 'function'."],
  'one type of content in the place of another': [CreateMessageRequest, message({ content: [{ type: 'image_file', image_url: { url: 'https://x' } }] }),
    'missing_required_parameter', 'content[0].image_file',
    "Missing required parameter: 'content[0].image_file'."],
  'a value that is not in a set of two': [CreateThreadRequest, { messages: [message({ role: 'system' })] },
    'invalid_value', 'messages[0].role',
    "Invalid value: 'system'. Supported values are: 'user' and 'assistant'."],
  'a value that is not in a set of many': [CreateRunRequest, { assistant_id: 'asst_1', tool_choice: 'any' },
    'invalid_value', 'tool_choice',
    "Invalid value: 'any'. Supported values are: 'none', 'auto', and 'required'."],
  'a value that is not the only one': [CreateAssistantRequest, { model: 'm', response_format: 'json_object' },
    'invalid_value', 'response_format',
    "Invalid value: 'json_object'. Supported values are: 'auto'."],
  'a long value, shortened': [CreateMessageRequest, message({ role: 'x'.repeat(65) }),
    'invalid_value', 'role',
    "Invalid value: 'xxx...xxx'. Supported values are: 'user' and 'assistant'."],
  'an integer below its minimum': [CreateRunRequest, { assistant_id: 'asst_1', max_completion_tokens: 15 },
    'integer_below_min_value', 'max_completion_tokens',
    "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead."],
  'an integer above its maximum': [CreateAssistantRequest, { model: 'm', tools: [{ type: 'file_search', file_search: { max_num_results: 51 } }] },
    'integer_above_max_value', 'tools[0].file_search.max_num_results',
    "Invalid 'tools[0].file_search.max_num_results': integer above maximum value. Expected a value <= 50, but got 51 instead."],
  'a decimal below its minimum': [CreateAssistantRequest, { model: 'm', top_p: -0.5 },
    'decimal_below_min_value', 'top_p',
    "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.5 instead."],
  'a decimal above its maximum, though it is whole': [CreateAssistantRequest, { model: 'm', temperature: 3 },
    'decimal_above_max_value', 'temperature',
    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead."],
  'a string that is too long': [CreateAssistantRequest, { model: 'm', description: 'x'.repeat(600) },
    'string_above_max_length', 'description',
    "Invalid 'description': string too long. Expected a string with maximum length 512, but got a string with length 600 instead."],
  'a string of too many characters outside the basic plane': [CreateAssistantRequest, { model: 'm', name: '\u{1F600}'.repeat(257) },
    'string_above_max_length', 'name',
    "Invalid 'name': string too long. Expected a string with maximum length 256, but got a string with length 257 instead."],
  'an empty string': [CreateAssistantRequest, functionTool({ name: '' }),
    'empty_string', 'tools[0].function.name',
    "Invalid 'tools[0].function.name': empty string. Expected a string with minimum length 1, but got an empty string instead."],
  'an empty array': [CreateMessageRequest, message({ content: [] }),
    'empty_array', 'content',
    "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead."],
  'an array that is too long': [CreateAssistantRequest, { model: 'm', tools: Array(129).fill({ type: 'code_interpreter' }) },
    'array_above_max_length', 'tools',
    "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead."],
  'a name with a space': [CreateAssistantRequest, functionTool({ name: 'get weather' }),
    'invalid_value', 'tools[0].function.name',
    "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."],
  'a name with a line break at its end': [CreateAssistantRequest, functionTool({ name: 'f\n' }),
    'invalid_value', 'tools[0].function.name',
    "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."],
  'metadata of too many pairs': [CreateAssistantRequest, metadata(Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']))),
    'object_above_max_properties', 'metadata',
    "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead."],
  'a metadata key that is too long': [CreateAssistantRequest, metadata({ ['k'.repeat(70)]: 'v' }),
    'property_name_above_max_length', `metadata.${'k'.repeat(70)}`,
    "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, but got a string with length 70 instead."],
  'a metadata value that is too long': [CreateThreadRequest, { messages: [message({ metadata: { k: 'v'.repeat(513) } })] },
    'string_above_max_length', 'messages[0].metadata.k',
    "Invalid 'messages[0].metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead."],
  'a metadata value under a key with a line break': [CreateAssistantRequest, metadata({ 'a\nb': 1 }),
    'invalid_type', 'metadata.a\nb',
    "Invalid type for 'metadata.a\nb': expected a string, but got an integer instead."],
  'a metadata value under a __proto__ key': [CreateAssistantRequest, metadata(JSON.parse('{"__proto__":{"x":1}}')),
    'invalid_type', 'metadata.__proto__',
    "Invalid type for 'metadata.__proto__': expected a string, but got an object instead."],
  'an id of another kind in a path': [ThreadParams, { thread_id: 'undefined' },
    'invalid_value', 'thread_id',
    "Invalid 'thread_id': 'undefined'. Expected an ID that begins with 'thread'.", 'params'],
  'an id of another kind in a body': [CreateRunRequest, { assistant_id: 'thread_1' },
    'invalid_value', 'assistant_id',
    "Invalid 'assistant_id': 'thread_1'. Expected an ID that begins with 'asst'."],
  'an id of another kind in a query': [ListMessagesQuery, { run_id: 'msg_1' },
    'invalid_value', 'run_id',
    "Invalid 'run_id': 'msg_1'. Expected an ID that begins with 'run'.", 'querystring'],
  'both a vector store and the wish for a new one': [CreateThreadRequest, { tool_resources: { file_search: { vector_store_ids: ['vs_1'], vector_stores: [{}] } } },
    'mutually_exclusive_parameters', 'tool_resources.file_search',
    "Mutually exclusive parameters: 'tool_resources.file_search'. Ensure you are only providing one of: 'vector_store_ids' or 'vector_stores'."],
  'both lists of files of a batch': [CreateVectorStoreFileBatchRequest, { file_ids: ['file-1'], files: [{ file_id: 'file-1' }] },
    'mutually_exclusive_parameters', null,
    "Mutually exclusive parameters. Ensure you are only providing one of: 'file_ids' or 'files'."],
  'a new vector store in an update': [UpdateAssistantRequest, { tool_resources: { file_search: { vector_stores: [{}] } } },
    'unknown_parameter', 'tool_resources.file_search.vector_stores',
    "Unknown parameter: 'tool_resources.file_search.vector_stores'."],
  'the messages of a thread that comes with its run': [CreateThreadAndRunRequest, { assistant_id: 'asst_1', thread: { messages: [message({ content: [{ type: 'text', text: { value: 'Hi' } }] })] } },
    'invalid_type', 'thread.messages[0].content[0].text',
    "Invalid type for 'thread.messages[0].content[0].text': expected a string, but got an object instead."],
  'an anchor that is not the only one': [UploadFileRequest, { purpose: 'assistants', expires_after: { anchor: 'last_active_at', seconds: 3600 } },
    'invalid_value', 'expires_after.anchor',
    "Invalid value: 'last_active_at'. Supported values are: 'created_at'."],
  'a body that is an array': [CreateThreadRequest, [1],
    'invalid_type', null,
    'Invalid type: expected an object, but got an array instead.'],
  'a body that is a string': [CreateThreadRequest, 'x',
    'invalid_type', null,
    'Invalid type: expected an object, but got a string instead.'],
  'free-form JSON without a bottom': [CreateAssistantRequest, functionTool({ name: 'f', parameters: nested(10_000) }),
    'invalid_value', 'tools',
    "Invalid 'tools': nested too deeply. Expected at most 128 levels."],
  'metadata without a bottom': [CreateThreadRequest, { metadata: nested(10_000) },
    'invalid_value', 'metadata',
    "Invalid 'metadata': nested too deeply. Expected at most 128 levels."],
  'an unknown key without a bottom': [CreateThreadRequest, { x: nested(10_000) },
    'invalid_value', 'x',
    "Invalid 'x': nested too deeply. Expected at most 128 levels."],
  'a limit above the maximum': [ListQuery, { limit: '101' },
    'integer_above_max_value', 'limit',
    "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.", 'querystring'],
  'a limit below the minimum': [ListQuery, { limit: '-1' },
    'integer_below_min_value', 'limit',
    "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got -1 instead.", 'querystring'],
  'a limit that is no number': [ListQuery, { limit: 'abc' },
    'invalid_type', 'limit',
    "Invalid type for 'limit': expected an integer, but got a string instead.", 'querystring'],
  'a limit that is not whole': [ListQuery, { limit: '1.5' },
    'invalid_type', 'limit',
    "Invalid type for 'limit': expected an integer, but got a decimal number instead.", 'querystring'],
  'a limit in hexadecimal': [ListQuery, { limit: '0x10' },
    'invalid_type', 'limit',
    "Invalid type for 'limit': expected an integer, but got a string instead.", 'querystring'],
  'two limits': [ListQuery, { limit: ['1', '2'] },
    'invalid_type', 'limit',
    "Invalid type for 'limit': expected an integer, but got an array instead.", 'querystring'],
  'an unknown order': [ListQuery, { order: 'newest' },
    'invalid_value', 'order',
    "Invalid value: 'newest'. Supported values are: 'asc' and 'desc'.", 'querystring'],
  'something else to include': [ListRunStepsQuery, { 'include[]': [INCLUDE, 'x'] },
    'invalid_value', 'include[1]',
    `Invalid value: 'x'. Supported values are: '${INCLUDE}'.`, 'querystring']
}

t.test('refuses, in the words of the API,', async t => {
  for (const [name, [schema, value, code, param, message, part]] of Object.entries(refusals)) {
    t.test(name, async t => {
      const { error } = validate(schema, value, part)
      if (!(error instanceof ApiError)) throw new Error('The value was accepted')
      t.strictSame(
        { status: error.status, ...error.toEnvelope().error },
        { status: 400, message, type: 'invalid_request_error', param, code }
      )
    })
  }
})

t.test('accepts, unchanged,', async t => {
  const accepted: Record<string, [TSchema, unknown, RequestPart?]> = {
    'the least that makes an assistant': [CreateAssistantRequest, { model: 'm' }],
    'null wherever the API allows it': [CreateRunRequest, {
      assistant_id: 'asst_1',
      model: null,
      reasoning_effort: null,
      instructions: null,
      additional_instructions: null,
      additional_messages: null,
      tools: null,
      metadata: null,
      temperature: null,
      top_p: null,
      stream: null,
      max_prompt_tokens: null,
      max_completion_tokens: null,
      truncation_strategy: null,
      tool_choice: null,
      parallel_tool_calls: null,
      response_format: null
    }],
    'every kind of tool': [CreateAssistantRequest, {
      model: 'm',
      tools: [
        { type: 'code_interpreter' },
        { type: 'file_search', file_search: { max_num_results: 50, ranking_options: { ranker: 'auto', score_threshold: 0.5 } } },
        { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object', anything: [{ goes: null }] }, strict: null } }
      ]
    }],
    'every kind of response format': [CreateAssistantRequest, { model: 'm', response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { x: [1] }, strict: true } } }],
    'every kind of content': [CreateMessageRequest, message({
      content: [
        { type: 'text', text: '' },
        { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
        { type: 'image_file', image_file: { file_id: 'file-1' } }
      ],
      attachments: [{ file_id: 'file-1', tools: [{ type: 'file_search' }, { type: 'code_interpreter' }] }]
    })],
    'no additional messages': [CreateRunRequest, { assistant_id: 'asst_1', additional_messages: [] }],
    'a forced function': [CreateRunRequest, { assistant_id: 'asst_1', tool_choice: { type: 'function', function: { name: 'f' } } }],
    'the run parameters that the specification has on one route only': [CreateThreadAndRunRequest, {
      assistant_id: 'asst_1', reasoning_effort: 'low', additional_instructions: 'x', additional_messages: []
    }],
    'a tool output without an output': [SubmitToolOutputsRequest, { tool_outputs: [{ tool_call_id: 'call_1' }, {}] }],
    'a new vector store': [CreateThreadRequest, {
      tool_resources: { file_search: { vector_stores: [{ chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 } } }] } }
    }],
    'as many characters as allowed, however they are encoded': [CreateAssistantRequest, { model: 'm', name: '\u{1F600}'.repeat(256) }],
    'metadata at its limits': [CreateThreadRequest, {
      metadata: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [String(i).padEnd(64, 'k'), 'v'.repeat(512)]))
    }],
    'metadata with a line break in a key': [CreateThreadRequest, { metadata: { 'a\nb': '' } }],
    'metadata under the keys of Object.prototype': [CreateThreadRequest, { metadata: JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') }],
    'free-form JSON down to the limit': [CreateAssistantRequest, functionTool({ name: 'f', parameters: nested(125) })],
    'a step id of any form': [RunStepParams, { thread_id: 'thread_1', run_id: 'run_1', step_id: 'x' }, 'params'],
    'a query from a call without HTTP': [ListRunStepsQuery, { limit: 5, order: 'asc', include: [INCLUDE] }, 'querystring']
  }
  for (const [name, [schema, value, part]] of Object.entries(accepted)) {
    t.test(name, async t => {
      const { value: checked, error } = validate(schema, value, part)
      t.equal(error, undefined)
      t.strictSame(checked, value)
    })
  }
})

t.test('an empty array is an object where one is due', async t => {
  t.strictSame(validate(CreateThreadRequest, []).value, {})
  t.strictSame(validate(CreateThreadRequest, { metadata: [], messages: [] }).value, { metadata: {}, messages: [] })
  t.strictSame(validate(CreateAssistantRequest, functionTool({ name: 'f', parameters: [] })).value, functionTool({ name: 'f', parameters: {} }))
})

t.test('an absent body is an empty one', async t => {
  t.strictSame(validate(CreateThreadRequest, undefined).value, {})
  t.strictSame(validate(CreateThreadRequest, null).value, {})
  t.equal(validate(CreateAssistantRequest, null).error?.message, "Missing required parameter: 'model'.")
})

t.test('an undefined key, which only a call without HTTP can have, is absent', async t => {
  t.strictSame(validate(CreateThreadRequest, { metadata: undefined, x: undefined }).value, {})
  t.equal(validate(CreateAssistantRequest, { model: undefined }).error?.message, "Missing required parameter: 'model'.")
})

t.test('nothing is converted in a body and nothing is filled in', async t => {
  const value = { model: '1', tools: [{ type: 'function', function: { name: 'f' } }] }
  t.strictSame(validate(CreateAssistantRequest, value).value, value)
})

t.test('told to ignore unknown parameters, it', async t => {
  const ignore = (schema: TSchema, value: unknown) => validate(schema, value, 'body', 'ignore')

  t.test('drops them at every level, but not from free-form JSON and metadata', async t => {
    const { value } = ignore(CreateAssistantRequest, {
      model: 'm',
      x: 1,
      metadata: { x: '1' },
      tools: [{ type: 'function', x: 1, function: { name: 'f', x: 1, parameters: { x: 1 } } }]
    })
    t.strictSame(value, { model: 'm', tools: [{ type: 'function', function: { name: 'f', parameters: { x: 1 } } }], metadata: { x: '1' } })
  })

  t.test('leaves the caller\'s object alone', async t => {
    const value = { x: 1 }
    ignore(CreateThreadRequest, value)
    t.strictSame(value, { x: 1 })
  })

  t.test('is not led into a prototype', async t => {
    const { value } = ignore(CreateThreadRequest, JSON.parse('{"__proto__":{"metadata":{"a":"b"}},"constructor":{"prototype":{"a":1}}}'))
    t.strictSame(value, {})
    t.equal(Object.getPrototypeOf(value), Object.prototype)
    t.notOk('a' in {})
  })

  t.test('still refuses what is wrong', async t => {
    t.equal(ignore(CreateAssistantRequest, { x: 1 }).error?.message, "Missing required parameter: 'model'.")
    t.equal(ignore(CreateAssistantRequest, { model: 1, x: 1 }).error?.code, 'invalid_type')
    t.equal(ignore(CreateThreadRequest, { x: nested(10_000) }).error?.code, 'invalid_value')
  })
})

t.test('of a query, it', async t => {
  const query = (schema: TSchema, value: unknown) => validate(schema, value, 'querystring').value

  t.test('makes numbers of digits where a number is wanted, and only there', async t => {
    t.strictSame(query(ListQuery, { limit: '5', after: '5' }), { limit: 5, after: '5' })
  })

  t.test('makes one array of every way to write one', async t => {
    t.strictSame(query(ListRunStepsQuery, { include: INCLUDE }), { include: [INCLUDE] })
    t.strictSame(query(ListRunStepsQuery, { 'include[]': INCLUDE }), { include: [INCLUDE] })
    t.strictSame(query(ListRunStepsQuery, { 'include[]': [INCLUDE, INCLUDE] }), { include: [INCLUDE, INCLUDE] })
    t.strictSame(query(ListRunStepsQuery, { include: INCLUDE, 'include[]': INCLUDE }), { include: [INCLUDE, INCLUDE] })
  })

  t.test('leaves out what is empty or unknown', async t => {
    t.strictSame(query(ListRunStepsQuery, { limit: '', after: '', 'include[]': '', 'api-version': '2024-05-01-preview' }), {})
    t.strictSame(query(ListQuery, undefined), {})
  })
})

t.test('a union of plain types names them all', async t => {
  const schema = closedObject({ value: nullable(Type.Union([Type.String(), Type.Number(), Type.Boolean()])) })
  t.equal(validate(schema, { value: [] }).error?.message,
    "Invalid type for 'value': expected one of a string, decimal, or boolean, but got an array instead.")
  for (const value of ['x', 1.5, true, null]) t.strictSame(validate(schema, { value }).value, { value })
})

t.test('a fault in a schema is not blamed on the caller', async t => {
  const broken = { get model () { throw new Error('broken') } }
  t.throws(() => validate(CreateAssistantRequest, broken), { message: 'broken' })
})

t.test('as the validator of a Fastify app', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) =>
    compileValidator(schema, httpPart as RequestPart, { unknownParameters: 'reject' }))
  app.setErrorHandler<ApiError>((error, _, reply) => reply.code(error.status).send(error.toEnvelope()))
  app.post('/threads', { schema: { body: CreateThreadRequest } }, async request => ({ body: request.body }))
  app.get('/threads', { schema: { querystring: ListRunStepsQuery } }, async request => request.query)
  app.get('/assistants/:assistant_id', { schema: { params: AssistantParams } }, async request => request.params)

  const post = await app.inject({ method: 'POST', url: '/threads' })
  t.strictSame(post.json(), { body: {} }, 'a body that was not sent')

  const list = await app.inject(`/threads?limit=7&include%5B%5D=${encodeURIComponent(INCLUDE)}&api-version=1`)
  t.strictSame(list.json(), { limit: 7, include: [INCLUDE] }, 'the converted query')

  const refused = await app.inject({ method: 'POST', url: '/threads', payload: { metadata: { a: 1 } } })
  t.equal(refused.statusCode, 400)
  t.strictSame(refused.json(), {
    error: {
      message: "Invalid type for 'metadata.a': expected a string, but got an integer instead.",
      type: 'invalid_request_error',
      param: 'metadata.a',
      code: 'invalid_type'
    }
  })

  const wrongId = await app.inject('/assistants/undefined')
  t.equal(wrongId.json().error.message, "Invalid 'assistant_id': 'undefined'. Expected an ID that begins with 'asst'.")
})
