import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { outline, payloads, withoutIds } from '../helpers/events.js'
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
    let written = ''
    stream.on('textDelta', delta => { written += String(delta.value) })
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
    t.equal(written, value, 'what an application writes that prints every delta')
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

test('a marker and its citation come in one delta, however the model cuts the answer, live, joined and told from the records', async t => {
  const clock = new ManualClock()
  const { server, fileIds: [birds, cars], assistant } = await searcher(t, { clock, limits: { logRetentionMs: 0 } }, ['birds.md', 'Penguins live in Antarctica.'], ['cars.md', 'Cars have engines.'])
  const answer = '【0:0†birds.md】 South【0:1†cars.md】【9:9†none】 [a【 b】 end【0:0†bi'
  const citation = (index: number, marker: string, fileId: string | undefined) => ({
    value: marker,
    annotations: [{ index, type: 'file_citation', text: marker, start_index: answer.indexOf(marker), end_index: answer.indexOf(marker) + marker.length, file_citation: { file_id: fileId, quote: '' } }]
  })
  for (const size of [1, 2, 5, answer.length]) {
    server.upstream.enqueue(search('penguins and engines'), text(answer.match(new RegExp(`[^]{1,${size}}`, 'g'))!))
    const live = await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Where?' }] } })
    const run = await live.until('thread.run.created')
    const path = `/threads/${run.thread_id}/runs/${run.id}/stream`
    const joined = await server.follow(path)
    t.strictSame(withoutIds(await joined.all()), await live.all())
    // When a replay is read the events of the run itself are gone.
    const tag = joined.frames[0]!.id?.split('-')[0]
    let late = joined
    while (late.frames[0]!.id?.split('-')[0] === tag) {
      await clock.advance(0)
      late = await server.follow(path)
      await late.all()
    }
    for (const { frames } of [live, late]) {
      const [result] = payloads(frames, 'thread.run.step.completed')
      const names = result.step_details.tool_calls[0].file_search.results.map((found: any) => found.file_name)
      const texts = payloads(frames, 'thread.message.delta').map(({ delta }) => delta.content[0].text)
      t.strictSame(texts.filter(({ annotations }: any) => annotations?.length > 0), [
        citation(0, '【0:0†birds.md】', names[0] === 'birds.md' ? birds : cars), citation(1, '【0:1†cars.md】', names[0] === 'birds.md' ? cars : birds)
      ], `pieces of ${size}`)
      t.equal(texts.map(({ value }: any) => value).join(''), answer)
    }
  }
})

test('the events of a search are those of the real service', async t => {
  const { server, assistant } = await searcher(t, ['birds.md', 'Penguins live in Antarctica.'])
  server.upstream.enqueue(search('penguins'), text('South【0:0†birds.md】.'))
  const events = await (await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Where?' }] } })).all()
  t.strictSame(outline(events), ['created', 'run.created', 'run.queued', 'run.in_progress', 'run.step.created', 'run.step.in_progress', 'run.step.delta', 'run.step.completed',
    'run.step.created', 'run.step.in_progress', 'message.created', 'message.in_progress', 'message.delta', 'message.completed', 'run.step.completed', 'run.completed', 'done'])
  const delta = events.find(({ event }) => event === 'thread.run.step.delta')
  t.match(delta?.data, { delta: { step_details: { tool_calls: [{ index: 0, type: 'file_search', file_search: { results: { length: 0 } } }] } } })
})

test('offsets count code points when Python is to index by them', async t => {
  const answer = 'Far \u{1F427}\u{1F9CA} south【0:0†birds.md】, \u{1F41F} too【0:0†birds.md】.'
  for (const annotationOffsets of ['utf16', 'code_points'] as const) {
    const { server, assistant } = await searcher(t, { annotationOffsets }, ['birds.md', 'Penguins live in Antarctica.'])
    server.upstream.enqueue(search('penguins'), text(answer))
    const events = await (await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Where?' }] } })).all()
    const [{ content: [{ text: { annotations } }] }] = payloads(events, 'thread.message.completed')
    const characters = annotationOffsets === 'utf16' ? answer.split('') : Array.from(answer)
    t.equal(annotations.length, 2)
    for (const { text: marker, start_index: start, end_index: end } of annotations) t.equal(characters.slice(start, end).join(''), marker, annotationOffsets)
    const deltas = payloads(events, 'thread.message.delta').flatMap(({ delta }) => delta.content[0].text.annotations ?? [])
    t.strictSame(deltas.map(({ start_index: start, end_index: end }: any) => [start, end]), annotations.map(({ start_index: start, end_index: end }: any) => [start, end]))
  }
})

test('a search of an earlier run is read under no markers, which would stand for results of this one', async t => {
  const { server, assistant } = await searcher(t, ['birds.md', 'Penguins live in Antarctica.'])
  server.upstream.enqueue(search('penguins'), text('South【0:0†birds.md】.'), text('As I said.'))
  const thread = (await server.post('/threads', { messages: [{ role: 'user', content: 'Where?' }] })).body
  for (let n = 0; n < 2; n++) await (await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, additional_messages: [{ role: 'user', content: 'Well?' }] })).all()
  const outputs = server.upstream.chats.map(({ body }) => body.messages.filter(({ role }: any) => role === 'tool').map(({ content }: any) => content))
  t.match(outputs[1], [/【0:0†birds.md】\nPenguins live in Antarctica./])
  t.strictSame(outputs[2], ['birds.md\nPenguins live in Antarctica.'])
})
