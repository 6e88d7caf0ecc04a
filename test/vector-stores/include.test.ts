import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { withoutIds, type Frame } from '../helpers/events.js'
import { newThread, startServer, stopped } from '../helpers/server.js'
import { sdks } from '../helpers/sdk.js'
import { text, toolCalls } from '../helpers/upstream-replies.js'
import { clientTool, outputsFor, pathOf } from '../runs/helpers/server.js'
import { join } from '../runs/helpers/streams.js'
import { INCLUDE, search, searcher } from './helpers/searcher.js'

const VALUE = 'step_details.tool_calls[*].file_search.results[*].content'
const BIRDS = ['birds.md', 'Penguins live in Antarctica.'] as const
const WITH_TEXT = { step_details: { tool_calls: [{ type: 'file_search', file_search: { results: [{ file_name: 'birds.md', content: [{ type: 'text', text: BIRDS[1] }] }] } }] } }

const bytesOf = (frames: readonly Frame[]): string => frames.map(frame => JSON.stringify(frame)).join('\n')
const completed = (frames: readonly Frame[]): any => frames.find(({ event }) => event === 'thread.run.step.completed')?.data

test('a stream shows the text of search results when its run was created so, and only then', async t => {
  const { server, assistant } = await searcher(t, [...BIRDS])
  for (const sdk of sdks) {
    const { threads } = server.client(sdk).beta
    for (const include of [[VALUE], []] as const) {
      server.upstream.enqueue(search('penguins'), text('South【0:0†birds.md】.'))
      const thread = await threads.create({ messages: [{ role: 'user', content: 'Where?' }] })
      const steps: any[] = []
      const deltas: any[] = []
      const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id, ...include.length === 0 ? {} : { include: [...include] } })
      stream.on('event', ({ event, data }) => {
        if (event === 'thread.run.step.completed') steps.push(data)
        if (event === 'thread.run.step.delta') deltas.push(data)
      })
      const run = await stream.finalRun()
      const [step] = steps
      if (include.length > 0) t.match(step, WITH_TEXT, sdk.name)
      else t.notOk(JSON.stringify(steps).includes('Antarctica'), sdk.name)
      t.match(deltas, [{ delta: { step_details: { tool_calls: [{ file_search: { results: { length: 0 } } }] } } }])
      t.notOk(JSON.stringify(deltas).includes('Antarctica'), 'a delta announces the search, as yet without results')

      const where = { thread_id: thread.id, run_id: run.id }
      const { data: [listed] } = await threads.runs.steps.list(run.id, { thread_id: thread.id, order: 'asc', include: [VALUE] })
      t.match(listed, WITH_TEXT, 'whatever the stream shows, a list shows what it is asked for')
      t.match(await threads.runs.steps.retrieve(step.id, { ...where, include: [VALUE] }), WITH_TEXT)
      t.notOk(JSON.stringify(await threads.runs.steps.retrieve(step.id, where)).includes('Antarctica'))
      t.notOk(JSON.stringify(await threads.runs.retrieve(run.id, { thread_id: thread.id })).includes('include'), 'the run says nothing of it')
    }
  }
})

test('whoever joins reads the same bytes as the creator, and the same text when the events are told from the records', async t => {
  const clock = new ManualClock()
  const { server, assistant } = await searcher(t, { clock }, [...BIRDS])
  server.upstream.enqueue(search('penguins'), text('South.'))
  const thread = await newThread(server, 'Where?')
  const created = await (await server.stream(`/threads/${thread.id}/runs?${INCLUDE}`, { assistant_id: assistant.id })).all()
  t.match(completed(created), WITH_TEXT)
  const run = created[0]!.data
  const joined = await (await join(t, server, run)).all()
  t.equal(bytesOf(withoutIds(joined)), bytesOf(created))
  await clock.advance(60_000)
  const told = await (await join(t, server, run)).all()
  t.not(told[0]!.id, joined[0]!.id, 'the events themselves are gone')
  t.strictSame(completed(told), completed(created))
  const delta = told.find(({ event }) => event === 'thread.run.step.delta')
  t.strictSame(delta?.data, created.find(({ event }) => event === 'thread.run.step.delta')?.data)
})

test('a run that waits for outputs shows the text after a restart, too', async t => {
  const tools = [{ type: 'file_search' }, clientTool('ask')]
  const { server: first, assistant } = await searcher(t, {}, [...BIRDS])
  const runs: [run: any, isShown: boolean][] = []
  for (const [query, isShown] of [[`?${INCLUDE}`, true], ['', false]] as const) {
    first.upstream.enqueue(toolCalls([{ name: 'file_search', arguments: { query: 'penguins' } }, { name: 'ask', arguments: {} }]))
    const thread = await newThread(first, 'Where?')
    const { body } = await first.post(`/threads/${thread.id}/runs${query}`, { assistant_id: assistant.id, tools })
    runs.push([await stopped(first, body), isShown])
  }
  await first.close()
  const second = await startServer(t, { upstream: first.upstream, storage: first.storage })
  for (const [run, isShown] of runs) {
    t.equal(run.status, 'requires_action')
    first.upstream.enqueue(text('South.'))
    const frames = await (await second.stream(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: outputsFor(run) })).all()
    t.match(completed(frames), { step_details: { tool_calls: [{ type: 'file_search' }, { type: 'function', function: { output: 'ok' } }] } })
    t.equal(JSON.stringify(frames).includes('Antarctica'), isShown)
    t.equal(bytesOf(withoutIds(await (await join(t, second, run)).all())), bytesOf(frames))
  }
})
