import { test, type Test } from 'tap'
import { newAssistant, newThread, startServer, stopped, type TestServerOptions } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'

/** About a hundred tokens, recognisable by its first word. */
const long = (word: string): string => `${word}${' word'.repeat(99)}`
const add = { name: 'add', parameters: { type: 'object' }, execute: () => 3 }

interface Conversation {
  run: any
  /** First words of the messages of each model call. */
  calls: string[][]
}

async function converse (t: Test, words: string[], fields: object, options: TestServerOptions = {}): Promise<Conversation> {
  const server = await startServer(t, { script: [text('Fine')], ...options })
  const assistant = await newAssistant(server, { instructions: 'Instructions first.' })
  const thread = await newThread(server, ...words.map(long))
  const { body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })
  const run = await stopped(server, body)
  const calls = server.upstream.chats.map(({ body }) => body.messages.map(({ role, content }: any) => content?.split(' ')[0] ?? role))
  return { run, calls }
}

test('all messages are sent when nothing limits them', async t => {
  const { calls } = await converse(t, ['one', 'two', 'three'], {})
  t.strictSame(calls, [['Instructions', 'one', 'two', 'three']])
})

test('truncation auto leaves out the oldest messages; the instructions stay', async t => {
  const { run, calls } = await converse(t, ['one', 'two', 'three', 'four'], { max_prompt_tokens: 250 })
  t.equal(run.status, 'completed')
  t.strictSame(calls, [['Instructions', 'three', 'four']])
})

test('truncation auto never leaves out the newest message', async t => {
  const { run, calls } = await converse(t, ['one', 'two'], { max_prompt_tokens: 60 })
  t.equal(run.status, 'incomplete')
  t.strictSame(run.incomplete_details, { reason: 'max_prompt_tokens' })
  t.strictSame(calls, [])
})

test('what was left out of the prompt stays in the thread', async t => {
  const server = await startServer(t, { script: [text('Fine')] })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, long('one'), long('two'), long('three'))
  await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, max_prompt_tokens: 150 })).body)
  t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data.length, 4)
})

test('last_messages keeps the newest n and the instructions', async t => {
  const { run, calls } = await converse(t, ['one', 'two', 'three', 'four'], { truncation_strategy: { type: 'last_messages', last_messages: 2 } })
  t.strictSame(calls, [['Instructions', 'three', 'four']])
  t.strictSame(run.truncation_strategy, { type: 'last_messages', last_messages: 2 })
})

test('last_messages counts the additional messages of the run', async t => {
  const { calls } = await converse(t, ['one', 'two'], {
    truncation_strategy: { type: 'last_messages', last_messages: 2 }, additional_messages: [{ role: 'user', content: long('three') }]
  })
  t.strictSame(calls, [['Instructions', 'two', 'three']])
})

test('last_messages that is more than there are takes all', async t => {
  const { calls } = await converse(t, ['one', 'two'], { truncation_strategy: { type: 'last_messages', last_messages: 50 } })
  t.strictSame(calls, [['Instructions', 'one', 'two']])
})

test('messages chosen by last_messages that do not fit end the run instead of being left out', async t => {
  const { run, calls } = await converse(t, ['one', 'two', 'three'], { truncation_strategy: { type: 'last_messages', last_messages: 2 }, max_prompt_tokens: 150 })
  t.strictSame([run.status, run.incomplete_details, calls], ['incomplete', { reason: 'max_prompt_tokens' }, []])
})

test('what the run itself has done is never left out', async t => {
  const script = [toolCalls([{ name: 'add', arguments: {} }], { textBefore: long('thinking'), usage: { prompt_tokens: 10, completion_tokens: 100 } }), text('Fine')]
  const { run, calls } = await converse(t, ['one', 'two'], { max_prompt_tokens: 400 }, { tools: [add], script })
  t.equal(run.status, 'completed')
  t.strictSame(calls, [['Instructions', 'one', 'two'], ['Instructions', 'one', 'two', 'thinking', '3']])

  const tight = await converse(t, ['one', 'two'], { max_prompt_tokens: 280 }, { tools: [add], script })
  t.strictSame(tight.calls, [['Instructions', 'one', 'two'], ['Instructions', 'two', 'thinking', '3']], 'older messages make room for it')
})

test('tools count as part of the prompt', async t => {
  const tools = [{ type: 'function', function: { name: 'big', description: 'word '.repeat(150), parameters: { type: 'object', properties: {} } } }]
  const { calls } = await converse(t, ['one', 'two'], { max_prompt_tokens: 350, tools })
  t.strictSame(calls, [['Instructions', 'two']])
})

test('a server\'s own bound on prompts leaves out messages but never ends a run', async t => {
  const bounded = await converse(t, ['one', 'two', 'three'], {}, { limits: { maxPromptTokens: 250 } })
  t.strictSame([bounded.run.status, bounded.calls], ['completed', [['Instructions', 'two', 'three']]])
  const tiny = await converse(t, ['one', 'two'], {}, { limits: { maxPromptTokens: 10 } })
  t.strictSame([tiny.run.status, tiny.calls], ['completed', [['Instructions', 'two']]])
})

test('a server\'s bound on the number of messages takes the newest', async t => {
  const { calls } = await converse(t, ['one', 'two', 'three'], {}, { limits: { maxPromptMessages: 2 } })
  t.strictSame(calls, [['Instructions', 'two', 'three']])
})

test('a conversation that is longer than a page of the store is sent whole and in order', async t => {
  const words = Array.from({ length: 230 }, (_, i) => `w${i}`)
  const server = await startServer(t, { script: [text('Fine')] })
  const assistant = await newAssistant(server, { instructions: null })
  const thread = await newThread(server)
  for (let i = 0; i < words.length; i += 32) {
    const additional = words.slice(i, i + 32).map(content => ({ role: 'user', content }))
    server.upstream.enqueue(text([], { finish: 'stop' }))
    await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, additional_messages: additional })).body)
  }
  const sent = server.upstream.chats.at(-1)!.body.messages.filter(({ role }: any) => role === 'user').map(({ content }: any) => content)
  t.strictSame(sent, words)
})
