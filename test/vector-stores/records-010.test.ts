import { test, type Test } from 'tap'
import type { RecordStore } from '../../storage/record-store.js'
import { KIND } from '../../storage/layout.js'
import { text, toolCalls } from '../helpers/upstream-replies.js'
import { stopped, type TestServer } from '../helpers/server.js'
import { INCLUDE, search, searcher } from './helpers/searcher.js'

interface Turn {
  usage: unknown
  opaque: Record<string, unknown>
  calls: Record<string, { arguments: string, kept?: unknown[] }>
}

const ask = { type: 'function', function: { name: 'ask' } }
const tools = [{ type: 'file_search' }, ask]

/** Makes the record beside a step what 0.1.0 wrote there: searches alone were kept, under a name of their own. */
async function age (server: TestServer, threadId: string, runId: string, stepId: string): Promise<void> {
  const { records, project } = server.app.threadManager.scope as { records: RecordStore, project: string }
  const now = (await records.get<Turn>({ project, partition: threadId, kind: KIND.turn, id: stepId }))!
  const { calls, ...rest } = now.body
  const searches = Object.fromEntries(Object.entries(calls).map(([id, { arguments: args, kept = [] }]) => [id, { arguments: args, passages: kept }]))
  if (!await records.write({ project, partition: threadId }, [{ op: 'put', kind: KIND.turn, id: stepId, parent: runId, body: { ...rest, searches }, expect: now.version }])) {
    throw new Error('the record has changed meanwhile')
  }
}

async function begin (t: Test) {
  const { server, assistant } = await searcher(t, ['birds.md', 'Penguins live in Antarctica.'])
  const { body: thread } = await server.post('/threads', { messages: [{ role: 'user', content: 'Where?' }] })
  const run = async (fields: object = {}) => await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, tools, ...fields })).body)
  return { server, thread, run }
}

test('a step that 0.1.0 has written still shows the texts of its search', async t => {
  const { server, thread, run } = await begin(t)
  server.upstream.enqueue(search('penguins'), text('There.'))
  const { id } = await run()
  const steps = `/threads/${thread.id}/runs/${id}/steps?order=asc&${INCLUDE}`
  const before = (await server.get(steps)).body
  t.match(before.data[0].step_details.tool_calls[0].file_search.results[0].content, [{ type: 'text', text: /Antarctica/ }])
  await age(server, thread.id, id, before.data[0].id)
  t.strictSame((await server.get(steps)).body, before)
})

test('a run that waits since 0.1.0 goes on with what its search has found', async t => {
  const { server, thread, run } = await begin(t)
  server.upstream.enqueue(toolCalls([{ name: 'file_search', arguments: { query: 'penguins' } }, { name: 'ask', arguments: {}, id: 'call_ask' }]), text('There.'))
  const waiting = await run()
  t.equal(waiting.status, 'requires_action')
  const { body: { data: [step] } } = await server.get(`/threads/${thread.id}/runs/${waiting.id}/steps`)
  await age(server, thread.id, waiting.id, step.id)
  await server.post(`/threads/${thread.id}/runs/${waiting.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_ask', output: 'yes' }] })
  t.equal((await stopped(server, waiting)).status, 'completed')
  const messages: any[] = server.upstream.chats.at(-1)!.body.messages as any[]
  const [made, found, answer] = messages.slice(-3)
  t.match(made.tool_calls, [{ function: { name: 'file_search', arguments: '{"query":"penguins"}' } }, { id: 'call_ask' }])
  t.match(found, { role: 'tool', content: /【0:0†birds\.md】\nPenguins live in Antarctica\./ })
  t.match(answer, { role: 'tool', tool_call_id: 'call_ask', content: 'yes' })
})
