import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { error, Gate, text, toolCalls } from '../helpers/upstream.js'
import { clientTool, outputsFor, pathOf, startGatedServer, type GatedServer } from './helpers/server.js'

const CREATED = 1_700_000_000
const usage = (prompt: number, completion: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  prompt_token_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 }
})
const reported = (prompt: number, completion: number) => ({ usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion } })
const call = toolCalls([{ name: 'ask', arguments: { a: 1 }, id: 'call_1' }], reported(10, 5))
const tools = { tools: [clientTool('ask')] }

/** What changes in the life of a run, as it is before anything has happened. */
const NEW = {
  status: 'queued',
  created_at: CREATED,
  started_at: null,
  expires_at: CREATED + 600,
  cancelled_at: null,
  failed_at: null,
  completed_at: null,
  required_action: null,
  last_error: null,
  incomplete_details: null,
  usage: null
}

const ASKED = {
  type: 'submit_tool_outputs',
  submit_tool_outputs: { tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'ask', arguments: '{"a":1}' } }] }
}

function life (run: any): unknown {
  return Object.fromEntries(Object.keys(NEW).map(key => [key, run[key]]))
}

/** Each scene begins at CREATED and moves the clock by a second before each thing that happens. */
async function scene (t: Test): Promise<{ server: GatedServer, later: () => Promise<void> }> {
  const clock = new ManualClock(CREATED * 1000)
  const server = await startGatedServer(t, { clock })
  return { server, later: async () => await clock.advance(1000) }
}

test('the times and nulls of a run that asks for outputs and completes', async t => {
  const { server, later } = await scene(t)
  const [asks, words] = [new Gate(), new Gate()]
  server.upstream.enqueue({ ...call, steps: call.steps.toSpliced(2, 0, asks) }, text([words, 'Sunny'], reported(20, 1)))

  const run = await server.run(tools)
  await asks.reached()
  t.strictSame(life(run), NEW, 'created')
  const started = { ...NEW, started_at: CREATED }
  t.strictSame(life(await server.look(run)), { ...started, status: 'in_progress' }, 'read as soon as it is there')

  await later()
  asks.open()
  const asking = await server.rest(run)
  t.strictSame(life(asking), { ...started, status: 'requires_action', required_action: ASKED }, 'requires_action')

  const { body: submitted } = await server.post(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: outputsFor(asking) })
  t.strictSame(life(submitted), started, 'queued again')
  await words.reached()
  const working = { ...started, status: 'in_progress', started_at: CREATED + 1 }
  t.strictSame(life(await server.look(run)), working, 'in_progress')

  await later()
  words.open()
  t.strictSame(life(await server.rest(run)), { ...working, status: 'completed', expires_at: null, completed_at: CREATED + 2, usage: usage(30, 6) }, 'completed')
})

test('the times and nulls of a run that is cut off by a token limit', async t => {
  const { server, later } = await scene(t)
  const words = new Gate()
  server.upstream.enqueue(text(['Sun', words], { finish: 'length', ...reported(20, 1) }))
  const run = await server.run()
  await words.reached()
  await later()
  words.open()
  t.strictSame(life(await server.rest(run)), {
    ...NEW, status: 'incomplete', started_at: CREATED, expires_at: null, completed_at: CREATED + 1, incomplete_details: { reason: 'max_completion_tokens' }, usage: usage(20, 1)
  })
})

test('the times and nulls of a run that fails', async t => {
  const { server, later } = await scene(t)
  const answer = new Gate()
  server.upstream.respond(async () => {
    await answer.pass()
    return error(500, 'The weights are on fire.')
  })
  const run = await server.run()
  await answer.reached()
  await later()
  answer.open()
  t.strictSame(life(await server.rest(run)), {
    ...NEW, status: 'failed', started_at: CREATED, expires_at: null, failed_at: CREATED + 1, last_error: { code: 'server_error', message: 'The weights are on fire.' }, usage: usage(0, 0)
  })
})

test('the times and nulls of a run that is cancelled while it waits for outputs', async t => {
  const { server, later } = await scene(t)
  server.upstream.enqueue(call)
  const run = await server.rest(await server.run(tools))
  const end = server.hold('cancelled')
  await later()
  const { body: answer } = await server.post(`${pathOf(run)}/cancel`)
  const cancelling = { ...NEW, status: 'cancelling', started_at: CREATED }
  t.strictSame(life(answer), cancelling, 'the answer')
  await end.reached()
  t.strictSame(life(await server.look(run)), cancelling, 'read meanwhile')
  end.open()
  t.strictSame(life(await server.rest(run)), { ...cancelling, status: 'cancelled', expires_at: null, cancelled_at: CREATED + 1, usage: usage(10, 5) }, 'cancelled')
})

test('the times and nulls of a run that is cancelled before the model has answered', async t => {
  const { server, later } = await scene(t)
  const words = new Gate()
  server.upstream.enqueue(text([words, 'never told']))
  const run = await server.run()
  await words.reached()
  await later()
  const cancelling = { ...NEW, status: 'cancelling', started_at: CREATED }
  t.strictSame(life((await server.post(`${pathOf(run)}/cancel`)).body), cancelling, 'the answer')
  t.strictSame(life(await server.rest(run)), { ...cancelling, status: 'cancelled', expires_at: null, cancelled_at: CREATED + 1, usage: usage(0, 0) }, 'cancelled')
})

test('the times and nulls of a run that nobody answers', async t => {
  const clock = new ManualClock(CREATED * 1000)
  const server = await startGatedServer(t, { clock })
  server.upstream.enqueue(call)
  const run = await server.rest(await server.run(tools))
  await clock.advance(599_999)
  t.equal((await server.look(run)).status, 'requires_action')
  await clock.advance(1)
  t.strictSame(life(await server.rest(run)), { ...NEW, status: 'expired', started_at: CREATED, usage: usage(10, 5) })
  t.strictSame((await server.get(`${pathOf(run)}/steps`)).body.data.map(({ status, expired_at: at, expires_at: due }: any) => [status, at, due]), [['expired', CREATED + 600, CREATED + 600]])
})

test('the time after which a run expires is an option', async t => {
  const clock = new ManualClock(CREATED * 1000)
  const server = await startGatedServer(t, { clock, limits: { runExpiresS: 5 } })
  server.upstream.enqueue(call)
  const run = await server.rest(await server.run(tools))
  t.equal(run.expires_at, CREATED + 5)
  await clock.advance(5000)
  t.equal((await server.rest(run)).status, 'expired')
})

test('an expired run leaves its thread free', async t => {
  const clock = new ManualClock(CREATED * 1000)
  const server = await startGatedServer(t, { clock })
  server.upstream.enqueue(call, text('Hi'))
  const run = await server.rest(await server.run(tools))
  await clock.advance(600_000)
  await server.rest(run)
  const { status } = await server.post(`/threads/${run.thread_id}/messages`, { role: 'user', content: 'Still there?' })
  t.equal(status, 200)
  const { body: next } = await server.post(`/threads/${run.thread_id}/runs`, { assistant_id: run.assistant_id })
  t.equal((await server.rest(next)).status, 'completed')
})
