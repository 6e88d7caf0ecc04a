import { test } from 'tap'
import type { ToolContext } from '../../lib/tools/tool.js'
import { startServer } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { callTools } from './helpers.js'

const call = { name: 'ledger', arguments: {} }

test('a tool knows the project and the metadata of the run that calls it', async t => {
  let seen: ToolContext | undefined
  const ledger = { name: 'ledger', parameters: { type: 'object' }, execute: (_args: unknown, context: ToolContext) => { seen = context } }
  await callTools(t, [ledger], [call], { apiKeys: () => 'red', run: { metadata: { customer: '7' } } })
  t.match(seen, { project: 'red', metadata: { customer: '7' } })
})

test('a tool of some projects does not exist for the others: neither shown nor called, and its name is the client\'s', async t => {
  const called: string[] = []
  const ledger = {
    name: 'ledger', parameters: { type: 'object' }, projects: ['red'], execute: (_args: unknown, { project }: ToolContext) => { called.push(project) }
  }
  const server = await startServer(t, { tools: [ledger], apiKeys: { 'sk-red': 'red', 'sk-blue': 'blue' } })
  const declared = { type: 'function', function: { name: 'ledger', description: 'The client\'s' } }

  async function run (key: string, tools: object[]): Promise<{ run: any, shown: any[] }> {
    server.upstream.enqueue(toolCalls([call]), text('Done'))
    const before = server.upstream.chats.length
    const headers = { authorization: `Bearer ${key}` }
    const post = async (path: string, body: object) => (await server.post(path, body, headers)).body
    const assistant = await post('/assistants', { model: 'test-model', tools })
    const started = await post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello?' }] } })
    for (;;) {
      const { body } = await server.get(`/threads/${started.thread_id}/runs/${started.id}`, headers)
      if (!['queued', 'in_progress'].includes(body.status)) return { run: body, shown: server.upstream.chats[before]!.body.tools ?? [] }
    }
  }

  const red = await run('sk-red', [])
  t.equal(red.run.status, 'completed')
  t.match(red.shown, [{ function: { name: 'ledger' } }])
  t.strictSame(called, ['red'])
  const blue = await run('sk-blue', [])
  t.equal(blue.run.status, 'completed', 'the model invented it, and reads so')
  t.strictSame(blue.shown, [])
  server.upstream.respond(() => text('Done'))
  const own = await run('sk-blue', [declared])
  t.equal(own.run.status, 'requires_action')
  t.match(own.shown, [{ function: { name: 'ledger', description: 'The client\'s' } }])
  t.strictSame(called, ['red'], 'the server ran nothing for another project')
})

test('the projects of a tool are a list', async t => {
  const tool = { name: 'ledger', parameters: {}, projects: 'red' as never, execute: () => '' }
  await t.rejects(startServer(t, { tools: [tool] }), { name: 'TypeError', message: /projects of the tool "ledger"/ })
})
