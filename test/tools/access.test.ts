import { test } from 'tap'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { callTools, stepOutputs } from './helpers.js'

const parameters = { type: 'object', properties: { city: { type: 'string' } } }
const weather = { name: 'weather', description: 'The server\'s', parameters, execute: () => 'sunny' }
const clock = { name: 'clock', description: 'The time', parameters: { type: 'object' }, execute: () => 'noon' }
const declared = (name: string, description = 'The client\'s') => ({ type: 'function', function: { name, description, parameters: { type: 'object', properties: {} } } })
const call = (name: string) => ({ name, arguments: {} })

test('server tools are offered to every run, behind those that it declares', async t => {
  const { shown, outputs } = await callTools(t, [weather, clock], [call('weather')], { run: { tools: [declared('ask')] } })
  t.strictSame(shown.map(({ name }) => name), ['ask', 'weather', 'clock'])
  t.strictSame(outputs, ['sunny'])
})

test('the object of a run shows what it declares, not what the server adds', async t => {
  const { run } = await callTools(t, [weather], [call('weather')], { run: { tools: [] } })
  t.strictSame(run.tools, [])
})

test('with toolAccess "declared" only runs that list a function of the name may use it', async t => {
  const options = { toolAccess: 'declared' as const, run: { tools: [declared('weather')] } }
  const { shown, outputs } = await callTools(t, [weather, clock], [call('weather')], options)
  t.strictSame(shown.map(({ name, description }) => [name, description]), [['weather', 'The server\'s']], 'described as the server does')
  t.strictSame(outputs, ['sunny'])
})

test('with toolAccess "declared" a call of a tool that the run does not list is refused, whatever the model believes', async t => {
  let ran = false
  const secret = { ...clock, execute: () => { ran = true } }
  const { shown, outputs, run } = await callTools(t, [weather, secret], [call('clock')], { toolAccess: 'declared', run: { tools: [declared('weather')] } })
  t.strictSame(shown.map(({ name }) => name), ['weather'])
  t.strictSame(outputs, ['Error: there is no tool named "clock".'])
  t.equal(ran, false)
  t.equal(run.status, 'completed')
})

test('an assistant may declare server tools for all its runs', async t => {
  const server = await startServer(t, { tools: [weather], toolAccess: 'declared', script: [toolCalls([call('weather')]), text('Done')] })
  const assistant = await newAssistant(server, { tools: [declared('weather')] })
  const thread = await newThread(server, 'Hello?')
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'completed')
})

test('toolAccess takes two words', async t => {
  await t.rejects(startServer(t, { toolAccess: 'some' as never }), { name: 'TypeError', message: /"toolAccess" must be 'all' or 'declared'/ })
})

test('a name that nobody knows is answered here and never asked of the client', async t => {
  const { outputs, run } = await callTools(t, [], [call('invented')])
  t.strictSame(outputs, ['Error: there is no tool named "invented".'])
  t.equal(run.status, 'completed')
})

test('a function that only the run declares is the client\'s', async t => {
  const { run } = await callTools(t, [weather], [call('ask')], { run: { tools: [declared('ask')] } })
  t.equal(run.status, 'requires_action')
})

test('a tool that requires approval goes to the client instead of being run', async t => {
  let ran = false
  const risky = { ...weather, requiresApproval: true, execute: () => { ran = true } }
  const { run, server, shown } = await callTools(t, [risky], [call('weather')])
  t.equal(run.status, 'requires_action')
  t.strictSame(shown.map(({ name }) => name), ['weather'], 'the model may still call it')
  const [asked] = run.required_action.submit_tool_outputs.tool_calls
  t.equal(asked.function.name, 'weather')
  await server.post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: asked.id, output: 'approved: rain' }] })
  t.equal((await stopped(server, run)).status, 'completed')
  t.equal(server.upstream.chats[1]!.body.messages.at(-1).content, 'approved: rain')
  t.equal(ran, false)
})

for (const [what, requiresApproval, status] of [
  ['says yes to these arguments', ({ city }: any) => city === 'Rome', 'requires_action'],
  ['says no to these arguments', ({ city }: any) => city !== 'Rome', 'completed'],
  ['says yes later', async () => true, 'requires_action'],
  ['says no later', async () => false, 'completed'],
  ['cannot tell', () => { throw new Error('hm') }, 'requires_action']
] as const) {
  test(`a tool whose requiresApproval ${what}`, async t => {
    const { run } = await callTools(t, [{ ...weather, requiresApproval }], [{ name: 'weather', arguments: { city: 'Rome' } }])
    t.equal(run.status, status)
  })
}

test('arguments that do not fit are answered here, approval or not', async t => {
  const { outputs } = await callTools(t, [{ ...weather, requiresApproval: () => true }], [{ name: 'weather', arguments: { city: 7 } }])
  t.match(outputs[0], /^Error: /)
})

test('a tool learns which run calls it', async t => {
  let context: any
  const tool = { ...weather, execute (_args: unknown, given: unknown) { context = given } }
  const { run } = await callTools(t, [tool], [call('weather')])
  t.match(context, { runId: run.id, threadId: run.thread_id, agentId: run.assistant_id })
  t.ok(context.signal instanceof AbortSignal)
})

test('the tools of a turn run at the same time, and their outputs keep the order of the calls', async t => {
  const first = new Gate()
  const second = new Gate()
  const tools = [
    { name: 'one', parameters, execute: async () => { second.open(); await first.pass(); return '1' } },
    { name: 'two', parameters, execute: async () => { await second.pass(); first.open(); return '2' } }
  ]
  const { outputs, steps } = await callTools(t, tools, [call('one'), call('two')])
  t.strictSame(outputs, ['1', '2'])
  t.strictSame(stepOutputs(steps), ['1', '2'])
})
