import type { TSchema } from '@sinclair/typebox'
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import t from 'tap'
import {
  Assistant, DeleteResponse, FileObject, ListModelsResponse, ListResponse, Message, MessageDelta, Model, OpenAIError, Run, RunStep,
  RunStepDelta, StreamError, StreamEvent, Thread
} from '../../schemas/index.js'
import { SCHEMA_FILE, structureOf, textOf, type ApiDescription } from '../data/openai-schema.js'
import { officialSchemas } from '../helpers/official-schema.js'

const usage = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_token_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 }
}

const tools: Assistant['tools'] = [
  { type: 'code_interpreter' },
  { type: 'file_search', file_search: { max_num_results: 5, ranking_options: { ranker: 'default_2024_08_21', score_threshold: 0 } } },
  { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { a: { type: ['string', 'null'] } } }, strict: false } }
]

const assistant: Assistant = {
  id: 'asst_1',
  object: 'assistant',
  created_at: 1_700_000_000,
  name: null,
  description: null,
  model: 'm',
  instructions: null,
  tools,
  top_p: 1,
  temperature: 1,
  reasoning_effort: null,
  tool_resources: { code_interpreter: { file_ids: [] }, file_search: { vector_store_ids: ['vs_1'] } },
  metadata: { a: 'b', 'c\nd': 'e' },
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object', additionalProperties: false }, strict: true } }
}

const thread: Thread = { id: 'thread_1', object: 'thread', created_at: 1_700_000_000, metadata: {}, tool_resources: {} }

const message: Message = {
  id: 'msg_1',
  object: 'thread.message',
  created_at: 1_700_000_000,
  thread_id: 'thread_1',
  status: 'incomplete',
  incomplete_details: { reason: 'max_tokens' },
  completed_at: null,
  incomplete_at: 1_700_000_001,
  role: 'assistant',
  content: [
    {
      type: 'text',
      text: {
        value: 'See【4:0†notes.txt】 and sandbox:/mnt/data/x.csv',
        annotations: [
          { type: 'file_citation', text: '【4:0†notes.txt】', start_index: 3, end_index: 18, file_citation: { file_id: 'file-1' } },
          { type: 'file_path', text: 'sandbox:/mnt/data/x.csv', start_index: 23, end_index: 46, file_path: { file_id: 'file-2' } }
        ]
      }
    },
    { type: 'image_file', image_file: { file_id: 'file-3', detail: 'auto' } },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
    { type: 'refusal', refusal: 'No.' }
  ],
  assistant_id: 'asst_1',
  run_id: 'run_1',
  attachments: [{ file_id: 'file-1', tools: [{ type: 'file_search' }, { type: 'code_interpreter' }] }],
  metadata: {}
}

const messageDelta: MessageDelta = {
  id: 'msg_1',
  object: 'thread.message.delta',
  delta: {
    content: [{
      index: 0,
      type: 'text',
      text: { value: 'Hi', annotations: [{ index: 0, type: 'file_citation', text: '【4:0†a】', start_index: 0, end_index: 7, file_citation: { file_id: 'file-1', quote: '' } }] }
    }]
  }
}

const run: Run = {
  id: 'run_1',
  object: 'thread.run',
  created_at: 1_700_000_000,
  assistant_id: 'asst_1',
  thread_id: 'thread_1',
  status: 'requires_action',
  started_at: 1_700_000_000,
  expires_at: 1_700_000_600,
  cancelled_at: null,
  failed_at: null,
  completed_at: null,
  required_action: {
    type: 'submit_tool_outputs',
    submit_tool_outputs: { tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }] }
  },
  last_error: null,
  model: 'm',
  instructions: '',
  tools,
  tool_resources: {},
  metadata: {},
  temperature: 1,
  top_p: 1,
  reasoning_effort: null,
  max_completion_tokens: 16,
  max_prompt_tokens: null,
  truncation_strategy: { type: 'auto', last_messages: null },
  incomplete_details: null,
  usage: null,
  response_format: 'auto',
  tool_choice: { type: 'function', function: { name: 'f' } },
  parallel_tool_calls: true
}

const incompleteRun: Run = { ...run, status: 'incomplete', required_action: null, incomplete_details: { reason: 'content_filter' }, usage }
const failedRun: Run = { ...run, status: 'failed', required_action: null, last_error: { code: 'server_error', message: 'x' }, tool_choice: 'auto' }

const messageStep: RunStep = {
  id: 'step_1',
  object: 'thread.run.step',
  created_at: 1_700_000_000,
  run_id: 'run_1',
  assistant_id: 'asst_1',
  thread_id: 'thread_1',
  type: 'message_creation',
  status: 'completed',
  cancelled_at: null,
  completed_at: 1_700_000_001,
  expired_at: null,
  expires_at: 1_700_000_600,
  failed_at: null,
  last_error: null,
  step_details: { type: 'message_creation', message_creation: { message_id: 'msg_1' } },
  metadata: {},
  usage
}

const ranking = { ranker: 'default_2024_08_21' as const, score_threshold: 0 }
const result = { file_id: 'file-1', file_name: 'a.txt', score: 0.5, attributes: { year: 2024, draft: false, by: 'me' }, content: [{ type: 'text' as const, text: 'x' }] }

const toolStep: RunStep = {
  ...messageStep,
  type: 'tool_calls',
  status: 'failed',
  last_error: { code: 'rate_limit_exceeded', message: 'x' },
  step_details: {
    type: 'tool_calls',
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}', output: null } },
      {
        id: 'call_2',
        type: 'code_interpreter',
        code_interpreter: { input: '1', outputs: [{ type: 'logs', logs: '1' }, { type: 'image', image: { file_id: 'file-1' } }] }
      },
      { id: 'call_3', type: 'file_search', file_search: { ranking_options: ranking, results: [result] } }
    ]
  },
  usage: null
}

const stepDelta: RunStepDelta = {
  id: 'step_1',
  object: 'thread.run.step.delta',
  delta: {
    step_details: {
      type: 'tool_calls',
      tool_calls: [
        { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '', output: null } },
        { index: 0, type: 'function', function: { arguments: '{"a' } },
        { index: 1, id: 'call_2', type: 'code_interpreter', code_interpreter: { input: '', outputs: [] } },
        { index: 1, type: 'code_interpreter', code_interpreter: { outputs: [{ index: 0, type: 'logs', logs: '1' }, { index: 1, type: 'image', image: { file_id: 'file-1' } }] } },
        { index: 2, id: 'call_3', type: 'file_search', file_search: { ranking_options: ranking, results: [result] } }
      ]
    }
  }
}

const file: FileObject = {
  object: 'file',
  id: 'file-1',
  purpose: 'evals',
  filename: 'a.txt',
  bytes: 1,
  created_at: 1_700_000_000,
  expires_at: null,
  status: 'processed',
  status_details: null
}

const model: Model = { id: 'm', object: 'model', created: 0, owned_by: 'me' }
const error: OpenAIError = { error: { message: 'x', type: 'invalid_request_error', param: null, code: null } }
const streamError: StreamError = { ...error.error, ...error }

const list = <T extends { id: string }>(...data: T[]): ListResponse<T> =>
  ({ object: 'list', data, first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false })

const samples: Array<[name: string, schema: TSchema, sample: object]> = [
  ['AssistantObject', Assistant, assistant],
  ['ListAssistantsResponse', ListResponse(Assistant), list(assistant)],
  ['ListAssistantsResponse', ListResponse(Assistant), list()],
  ['DeleteAssistantResponse', DeleteResponse('assistant.deleted'), { id: 'asst_1', object: 'assistant.deleted', deleted: true }],
  ['ThreadObject', Thread, thread],
  ['DeleteThreadResponse', DeleteResponse('thread.deleted'), { id: 'thread_1', object: 'thread.deleted', deleted: true }],
  ['MessageObject', Message, message],
  ['ListMessagesResponse', ListResponse(Message), list(message)],
  ['MessageDeltaObject', MessageDelta, messageDelta],
  ['DeleteMessageResponse', DeleteResponse('thread.message.deleted'), { id: 'msg_1', object: 'thread.message.deleted', deleted: true }],
  ['RunObject', Run, run],
  ['RunObject', Run, incompleteRun],
  ['RunObject', Run, failedRun],
  ['ListRunsResponse', ListResponse(Run), list(run, incompleteRun)],
  ['RunStepObject', RunStep, messageStep],
  ['RunStepObject', RunStep, toolStep],
  ['ListRunStepsResponse', ListResponse(RunStep), list(messageStep, toolStep)],
  ['RunStepDeltaObject', RunStepDelta, stepDelta],
  ['Error', StreamError, streamError],
  ['ErrorResponse', OpenAIError, error],
  ['Model', Model, model],
  ['ListModelsResponse', ListModelsResponse, { object: 'list', data: [model] }],
  ['OpenAIFile', FileObject, file],
  ['ListFilesResponse', ListResponse(FileObject), list(file)]
]

t.test('every object comes out of the serializer as it went in, its keys in the same order', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const [index, [, schema, sample]] of samples.entries()) {
    app.get(`/${index}`, { schema: { response: { 200: schema } } }, async () => sample)
  }
  for (const [index, [name, , sample]] of samples.entries()) {
    const answer = (await app.inject(`/${index}`)).json()
    t.strictSame(answer, sample, name)
    t.strictSame(Object.keys(answer), Object.keys(sample), `keys of ${name}`)
  }
})

t.test('the official specification', async t => {
  const { validate, forOperation, forStreamEvent } = officialSchemas()

  t.test('has nothing against our objects', async t => {
    for (const [name, , sample] of samples) t.strictSame(validate(name, sample), [], name)
  })

  t.test('says what is wrong', async t => {
    const { status, ...withoutStatus } = run
    t.strictSame(validate('RunObject', withoutStatus), ["the value must have required property 'status'"])
    t.strictSame(validate('RunObject', { ...run, status: 'paused' }),
      ['/status must be equal to one of the allowed values (queued, in_progress, requires_action, cancelling, cancelled, failed, completed, incomplete, expired)'])
    t.strictSame(validate('ThreadObject', { ...thread, created_at: 1_700_000_000_000 }),
      ['/created_at must match format "unixtime"'], 'milliseconds')
  })

  t.test('is followed but for the places where the service differs', async t => {
    t.not(validate('RunObject', { ...run, max_completion_tokens: 15 }).length, 0)
    t.not(validate('RunObject', { ...run, started_at: 'now' }).length, 0)
    t.not(validate('OpenAIFile', { ...file, purpose: 'other' }).length, 0)
  })

  t.test('is asked by operation', async t => {
    t.equal(forOperation('POST', '/assistants', 200), 'AssistantObject')
    t.equal(forOperation('GET', '/threads/:thread_id/runs/:run_id/steps', 200), 'ListRunStepsResponse')
    t.equal(forOperation('delete', '/threads/{thread_id}/messages/{message_id}', 200), 'DeleteMessageResponse')
    t.equal(forOperation('POST', '/threads', 400), 'ErrorResponse')
    t.equal(forOperation('GET', '/nowhere', 200), undefined)
    t.throws(() => validate('Nothing', {}), { message: 'The specification has no schema Nothing' })
  })

  t.test('knows every event of ours', async t => {
    t.equal(forStreamEvent('thread.run.step.delta'), 'RunStepDeltaObject')
    t.equal(forStreamEvent('error'), 'Error')
    t.equal(forStreamEvent('done'), undefined)
    const names = StreamEvent.anyOf.map(event => event.properties.event.const).filter(name => name !== 'done')
    t.strictSame(names.filter(name => forStreamEvent(name) === undefined), [])
  })
})

t.test('the kept schema', async t => {
  t.test('is what its script makes of it: all of it is reached, and none of it is prose', async t => {
    const text = readFileSync(SCHEMA_FILE, 'utf8')
    t.equal(textOf(structureOf(JSON.parse(text))), text)
  })

  const answer = (schema: object) => ({ description: 'OK', content: { 'application/json': { schema } } })
  const description = (thread: Record<string, unknown>) => ({
    openapi: '3.1.0',
    info: { title: 'All of it', version: '1', license: { name: 'MIT' }, description: 'Long.' },
    paths: {
      '/threads': { post: { operationId: 'createThread', summary: 'Create', responses: { 429: answer({}), 200: answer({ $ref: '#/components/schemas/Thread' }) } } },
      '/chat/completions': { get: { operationId: 'listStored', responses: { 200: answer({ $ref: '#/components/schemas/Stored' }) } } },
      '/audio': { post: { operationId: 'speak', responses: { 200: answer({ $ref: '#/components/schemas/Speech' }) } } }
    },
    components: { schemas: { Thread: thread, Stored: {}, Speech: {}, ErrorResponse: { type: 'object' }, AssistantStreamEvent: { oneOf: [] } } }
  }) as unknown as ApiDescription

  t.test('has what this server answers, and no word of prose', async t => {
    t.strictSame(structureOf(description({
      type: 'object',
      description: 'A thread.',
      'x-oaiMeta': { beta: true },
      required: ['description'],
      properties: {
        description: { type: 'string', description: 'Not prose, its name.', maxLength: 512, nullable: true },
        state: { type: 'string', enum: ['on', 'off'], nullable: true, default: 'on' },
        error: { $ref: '#/components/schemas/ErrorResponse', nullable: true }
      },
      additionalProperties: false
    })), {
      openapi: '3.1.0',
      info: { title: 'OpenAI API: the structure of answers', version: '1', license: { name: 'MIT' } },
      paths: {
        '/threads': {
          post: { operationId: 'createThread', responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thread' } } } } } }
        }
      },
      components: {
        schemas: {
          AssistantStreamEvent: { oneOf: [] },
          ErrorResponse: { type: 'object' },
          Thread: {
            type: 'object',
            required: ['description'],
            properties: {
              description: { type: ['string', 'null'], maxLength: 512 },
              state: { type: ['string', 'null'], enum: ['on', 'off', null] },
              error: { anyOf: [{ $ref: '#/components/schemas/ErrorResponse' }, { type: 'null' }] }
            },
            additionalProperties: false
          }
        }
      }
    })
  })

  t.test('is not made of what the script does not understand', async t => {
    t.throws(() => structureOf(description({ patternProperties: {} })), { message: 'Unknown schema keyword patternProperties' })
    t.throws(() => structureOf(description({ $ref: '#/components/schemas/Nothing' })), { message: 'There is no schema Nothing' })
    t.throws(() => structureOf(description({ $ref: '#/components/responses/Thread' })), { message: '#/components/responses/Thread does not refer to a schema' })
  })
})
