import { test, type Test } from 'tap'
import { newAssistant, newThread, startServer, stopped, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { reasoning, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'
import { clientTool, outputsFor } from './helpers/server.js'

const ask = (id: string, name = 'ask') => toolCalls([{ name, arguments: { what: id }, id: `call_${id}` }])
const WORDS = 'word '.repeat(400)

interface Talk {
  server: TestServer
  thread: any
  /** A question, and the run that answers it. */
  say (words: string, fields?: object): Promise<any>
  /** What the model was sent last: the role and the beginning of each message, calls as `[name]`. */
  prompt (): string[]
}

async function talk (t: Test, script: UpstreamReply[], options: TestServerOptions = {}, assistant: object = {}): Promise<Talk> {
  const server = await startServer(t, { script, ...options })
  const { id } = await newAssistant(server, { instructions: 'Be brief.', tools: [clientTool('ask')], ...assistant })
  const thread = await newThread(server)
  return {
    server,
    thread,
    async say (words, fields = {}) {
      await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: words })
      let { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: id, ...fields })
      for (;;) {
        run = await stopped(server, run)
        if (run.status !== 'requires_action') return run
        run = (await server.post(`/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: outputsFor(run, name => `output of ${name}`) })).body
      }
    },
    prompt: () => server.upstream.chats.at(-1)!.body.messages.map(({ role, content, tool_calls: calls }: any) =>
      `${role}: ${[content, ...(calls ?? []).map((call: any) => `[${call.function.name}]`)].filter(Boolean).join(' ').slice(0, 40)}`)
  }
}

test('a follow-up question is asked with the calls and outputs of earlier runs in their places', async t => {
  const { say, prompt } = await talk(t, [ask('1'), ask('2'), text('So it is.'), text('As I said.'), text('Once more.')])
  t.equal((await say('Is it so?')).status, 'completed')
  await say('Why?')
  const first = ['system: Be brief.', 'user: Is it so?', 'assistant: [ask]', 'tool: output of ask', 'assistant: [ask]', 'tool: output of ask', 'assistant: So it is.']
  t.strictSame(prompt(), [...first, 'user: Why?'])
  await say('Again?')
  t.strictSame(prompt(), [...first, 'user: Why?', 'assistant: As I said.', 'user: Again?'])
})

test('with history: messages the calls of earlier runs are left out', async t => {
  const { say, prompt } = await talk(t, [ask('1'), text('So it is.'), text('As I said.')], { history: 'messages' })
  await say('Is it so?')
  await say('Why?')
  t.strictSame(prompt(), ['system: Be brief.', 'user: Is it so?', 'assistant: So it is.', 'user: Why?'])
})

test('calls that were never answered, and messages that were deleted, are not among it', async t => {
  const { server, thread, say, prompt } = await talk(t, [ask('1'), text('Gone.'), toolCalls([{ name: 'ask', arguments: {}, id: 'call_open' }], { textBefore: 'Let me see.' }), text('Here.')])
  await say('One')
  const [gone] = (await server.get(`/threads/${thread.id}/messages`)).body.data
  await server.delete(`/threads/${thread.id}/messages/${gone.id}`)
  await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Two' })
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: (await server.get('/assistants')).body.data[0].id })
  await stopped(server, run)
  await server.post(`/threads/${thread.id}/runs/${run.id}/cancel`)
  await stopped(server, run)
  await say('Three')
  t.strictSame(prompt(), ['system: Be brief.', 'user: One', 'user: Two', 'assistant: Let me see.', 'user: Three'])
})

test('where tokens do not suffice, outputs are shortened before messages are left out, the oldest first', async t => {
  const tools = [{ name: 'look', parameters: { type: 'object' as const, properties: {} }, execute: () => WORDS }]
  const script = [ask('1', 'look'), text('First.'), ask('2', 'look'), text('Second.'), text('Third.'), text('Fourth.'), text('Fifth.')]
  const { server, say, prompt } = await talk(t, script, { tools }, { tools: [] })
  const outputs = (): number[] => server.upstream.chats.at(-1)!.body.messages.filter(({ role }: any) => role === 'tool').map(({ content }: any) => content.length)
  await say('One')
  await say('Two')
  await say('Three', { max_prompt_tokens: 2000 })
  t.strictSame(outputs(), [WORDS.length, WORDS.length], 'both fit')
  await say('Four', { max_prompt_tokens: 800 })
  t.strictSame(outputs(), [512, WORDS.length], 'the older one is shortened')
  t.equal(prompt()[1], 'user: One', 'and no message is left out')
  await say('Five', { max_prompt_tokens: 160 })
  t.notOk(prompt().includes('user: One'))
  t.strictSame(prompt().slice(-2), ['assistant: Fourth.', 'user: Five'])
  t.ok(prompt().every((line, i, all) => !line.startsWith('tool:') || all[i - 1]!.startsWith('assistant: [look]')), 'no output without its call')
})

test('what a model says behind its calls reaches its next turn, and the runs that follow', async t => {
  const turn = ask('1')
  const { server, thread, say, prompt } = await talk(t, [{ ...turn, steps: [...turn.steps, 'Wait', ' for it.'] }, text('There.'), text('Yes.')])
  await say('Well?')
  t.strictSame(prompt().slice(1), ['user: Well?', 'assistant: Wait for it. [ask]', 'tool: output of ask'])
  await say('Sure?')
  t.strictSame(prompt().slice(1), ['user: Well?', 'assistant: Wait for it. [ask]', 'tool: output of ask', 'assistant: There.', 'user: Sure?'])
  t.strictSame((await server.get(`/threads/${thread.id}/messages?order=asc`)).body.data.map((message: any) => message.content[0].text.value), ['Well?', 'There.', 'Sure?', 'Yes.'])
})

test('thoughts between tags are a part of the answer, or are stripped', async t => {
  const thought = text(['<thi', 'nk>Hm', '.</th', 'ink>\n', '\nYes', '.'])
  for (const [thinking, answer] of [[undefined, '<think>Hm.</think>\n\nYes.'], ['keep', '<think>Hm.</think>\n\nYes.'], ['strip', 'Yes.']] as const) {
    const { server, thread, say } = await talk(t, [thought], thinking === undefined ? {} : { thinking })
    await say('Well?')
    t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data[0].content[0].text.value, answer)
  }
  const { say, server, thread } = await talk(t, [reasoning('Let me think about it.', 'Yes.', { usage: false })], { thinking: 'strip' })
  const run = await say('Well?')
  t.ok(run.usage.completion_tokens < 8, 'reasoning is not counted as answer')
  t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data[0].content[0].text.value, 'Yes.')
})

test('options that are none are refused by name', async t => {
  for (const [name, value] of [['thinking', 'hide'], ['history', 'none'], ['annotationOffsets', 'bytes']] as const) {
    await t.rejects(startServer(t, { [name]: value }), { message: new RegExp(`^Option "${name}" must be '`) })
  }
})
