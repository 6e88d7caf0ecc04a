import { test } from 'tap'
import { outline } from '../helpers/events.js'
import { sdks } from '../helpers/sdk.js'
import { text } from '../helpers/upstream-replies.js'
import { search, searcher } from './helpers/searcher.js'

test('a streamed answer cites the files that it was found in', async t => {
  const { server, fileIds, assistant } = await searcher(t, ['birds.md', 'Penguins live in Antarctica.'], ['cars.md', 'Cars have engines.'])
  for (const sdk of sdks) {
    const { threads } = server.client(sdk).beta
    server.upstream.enqueue(search('where do penguins live'), text('Far \u{1F427} south【0:0†birds.md】, says【9:9†nobody】 the file.'))
    const thread = await threads.create({ messages: [{ role: 'user', content: 'Where do penguins live?' }] })
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id })
    const deltas: unknown[] = []
    stream.on('messageDelta', delta => deltas.push(...delta.content?.flatMap(part => part.type === 'text' ? part.text?.annotations ?? [] : []) ?? []))
    const [message] = await stream.finalMessages()
    const run = await stream.finalRun()
    t.equal(run.status, 'completed')
    const content = message!.content[0]!
    if (content.type !== 'text') throw new Error('no text')
    const { value, annotations } = content.text
    t.equal(value, 'Far \u{1F427} south【0:0†birds.md】, says【9:9†nobody】 the file.')
    t.match(annotations, [{ type: 'file_citation', text: '【0:0†birds.md】', file_citation: { file_id: fileIds[0] } }])
    t.equal(annotations.length, 1)
    t.equal(value.slice(annotations[0]!.start_index, annotations[0]!.end_index), '【0:0†birds.md】')
    t.match(deltas, [{ index: 0, type: 'file_citation', file_citation: { file_id: fileIds[0], quote: '' } }])
    const stored = await threads.messages.retrieve(message!.id, { thread_id: thread.id })
    t.match(stored.content, [{ text: { value, annotations: [{ file_citation: { file_id: fileIds[0] } }] } }])
    t.notOk(JSON.stringify(stored).includes('quote'))

    const asked = server.upstream.chats.at(-1)
    const output = asked!.body.messages.at(-1)
    t.match(output, { role: 'tool', content: /【0:0†birds\.md】\nPenguins live in Antarctica\./ })
    t.match(asked!.body.messages.at(-2), { role: 'assistant', tool_calls: [{ function: { name: 'file_search', arguments: '{"query":"where do penguins live"}' } }] })

    const { data: [step] } = await threads.runs.steps.list(run.id, { thread_id: thread.id, order: 'asc' })
    t.match(step, { type: 'tool_calls', status: 'completed', step_details: { tool_calls: [{ type: 'file_search', file_search: { ranking_options: { ranker: 'default_2024_08_21', score_threshold: 0 }, results: [{ file_id: fileIds[0], file_name: 'birds.md' }] } }] } })
    t.notOk(JSON.stringify(step).includes('Antarctica'))
    const including = await threads.runs.steps.retrieve(step!.id, { thread_id: thread.id, run_id: run.id, include: ['step_details.tool_calls[*].file_search.results[*].content'] })
    t.match(including.step_details, { tool_calls: [{ file_search: { results: [{ content: [{ type: 'text', text: 'Penguins live in Antarctica.' }] }] } }] })
  }
})

test('the events of a search are those of the real service', async t => {
  const { server, assistant } = await searcher(t, ['birds.md', 'Penguins live in Antarctica.'])
  server.upstream.enqueue(search('penguins'), text('South【0:0†birds.md】.'))
  const events = await (await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Where?' }] } })).all()
  t.strictSame(outline(events), ['created', 'run.created', 'run.queued', 'run.in_progress', 'run.step.created', 'run.step.in_progress', 'run.step.delta', 'run.step.completed',
    'run.step.created', 'run.step.in_progress', 'message.created', 'message.in_progress', 'message.delta', 'message.completed', 'run.step.completed', 'run.completed', 'done'])
  const delta = events.find(({ event }) => event === 'thread.run.step.delta')
  t.match(delta?.data, { delta: { step_details: { tool_calls: [{ index: 0, type: 'file_search', file_search: { results: [] } }] } } })
})
