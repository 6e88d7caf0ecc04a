import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { text, toolCalls } from '../helpers/upstream-replies.js'
import { searcher } from './helpers/searcher.js'

const ask = { type: 'function' as const, function: { name: 'ask' } }

for (const sdk of sdks) {
  test(`${sdk.name}: a search and a function call of one turn stay two calls in the helper`, async t => {
    const { server, assistant } = await searcher(t, ['birds.md', 'Penguins live in Antarctica.'])
    server.upstream.enqueue(
      toolCalls([{ name: 'file_search', arguments: { query: 'penguins' }, id: 'call_search' }, { name: 'ask', arguments: { a: 1 }, id: 'call_ask' }], { fragments: 3 }),
      text('There.'))
    const { threads } = server.client(sdk).beta
    const thread = await threads.create({ messages: [{ role: 'user', content: 'Where?' }] })
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id, tools: [{ type: 'file_search' }, ask] })
    const created: string[] = []
    const firsts: number[] = []
    stream.on('toolCallCreated', call => { created.push(call.type) })
    stream.on('runStepDelta', ({ step_details: details }) => {
      if (details?.type !== 'tool_calls') return
      for (const { index } of details.tool_calls ?? []) if (!firsts.includes(index)) firsts.push(index)
    })
    await stream.done()
    t.strictSame(firsts, [0, 1], 'the first deltas come in the order of the calls')
    t.strictSame(created, ['file_search', 'function'])
    const [step] = await stream.finalRunSteps()
    t.match(step?.step_details, {
      type: 'tool_calls',
      tool_calls: [
        { id: 'call_search', type: 'file_search' },
        { id: 'call_ask', type: 'function', function: { name: 'ask', arguments: '{"a":1}' } }
      ]
    })
  })
}
