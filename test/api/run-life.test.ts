import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { covers, newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { error, Gate, gated, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'

const tools = ['a', 'b'].map(name => ({ type: 'function', function: { name } }))
const twoCalls = (): UpstreamReply => toolCalls([{ name: 'a', arguments: { x: 1 }, id: 'call_a' }, { name: 'b', arguments: {}, id: 'call_b' }],
  { usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 } })

/** A server and a run that was just created on it. */
async function running (t: Test, ...script: UpstreamReply[]): Promise<{ server: TestServer, run: any, path: string }> {
  const server = await startServer(t, { script })
  const [assistant, thread] = [await newAssistant(server, { tools }), await newThread(server, 'Hello')]
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  return { server, run, path: `/threads/${thread.id}/runs/${run.id}` }
}

async function waiting (t: Test, ...script: UpstreamReply[]) {
  const started = await running(t, twoCalls(), ...script)
  return { ...started, run: await stopped(started.server, started.run) }
}

const outputs = [{ tool_call_id: 'call_a', output: 'one' }, { tool_call_id: 'call_b', output: 'two' }]

test('a run that calls functions waits, without usage, and goes on once it has the outputs', async t => {
  covers(t, 'submitToolOutputsToRun')
  const { server, run, path } = await waiting(t, text('Done.', { usage: { prompt_tokens: 20, completion_tokens: 2, total_tokens: 22 } }))
  t.match(run, {
    status: 'requires_action',
    usage: null,
    completed_at: null,
    required_action: {
      type: 'submit_tool_outputs',
      submit_tool_outputs: {
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'a', arguments: '{"x":1}' } },
          { id: 'call_b', type: 'function', function: { name: 'b', arguments: '{}' } }
        ]
      }
    }
  })
  const { status, body } = await server.post(`${path}/submit_tool_outputs`, { tool_outputs: [...outputs].reverse() })
  t.equal(status, 200)
  t.strictSame(body, { ...run, status: 'queued', required_action: null })
  const ended = await stopped(server, run)
  t.match(ended, { status: 'completed', required_action: null, usage: { prompt_tokens: 25, completion_tokens: 5, total_tokens: 30 } })
  t.match(server.upstream.chats[1]?.body.messages.slice(2), [
    { role: 'assistant', tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'a', arguments: '{"x":1}' } }, { id: 'call_b' }] },
    { role: 'tool', tool_call_id: 'call_a', content: 'one' },
    { role: 'tool', tool_call_id: 'call_b', content: 'two' }
  ])
})

test('an output that is left out is an empty one', async t => {
  const { server, run, path } = await waiting(t, text('Done.'))
  await server.post(`${path}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_a' }, { tool_call_id: 'call_b', output: 'two' }] })
  await stopped(server, run)
  const [step] = (await server.get(`${path}/steps?order=asc`)).body.data
  t.strictSame(step.step_details.tool_calls.map((call: any) => call.function.output), ['', 'two'])
})

test('each output may have 1,048,576 characters, and none may have more', async t => {
  const { server, run, path } = await waiting(t, text('Done.'))
  const largest = 'x'.repeat(1_048_576)
  t.match(await server.post(`${path}/submit_tool_outputs`, { tool_outputs: [outputs[0], { tool_call_id: 'call_b', output: `${largest}x` }] }),
    { status: 400, body: { error: { param: 'tool_outputs[1].output', code: 'string_above_max_length' } } })
  t.equal((await server.post(`${path}/submit_tool_outputs`, { tool_outputs: outputs.map(output => ({ ...output, output: largest })) })).status, 200)
  await stopped(server, run)
  const [step] = (await server.get(`${path}/steps?order=asc`)).body.data
  t.strictSame(step.step_details.tool_calls.map((call: any) => call.function.output.length), [1_048_576, 1_048_576])
})

test('outputs that are not exactly the expected ones are refused, and the run waits on', async t => {
  const { server, run, path } = await waiting(t, text('Done.'))
  const expected = "Expected tool outputs for call_ids ['call_a', 'call_b'], got "
  const [a, b] = outputs
  const refusals: [given: unknown[], got: string][] = [
    [[a], "['call_a']"],
    [[], '[]'],
    [[a, b, { tool_call_id: 'call_c', output: '' }], "['call_a', 'call_b', 'call_c']"],
    [[a, { tool_call_id: 'call_c', output: '' }], "['call_a', 'call_c']"],
    [[a, a], "['call_a', 'call_a']"],
    [[a, b, b], "['call_a', 'call_b', 'call_b']"]
  ]
  for (const stream of [false, true]) {
    for (const [given, got] of refusals) {
      const answer = await server.post(`${path}/submit_tool_outputs`, { tool_outputs: given, stream })
      t.match(answer, { status: 400, body: { error: { message: expected + got, type: 'invalid_request_error', param: null, code: null } } })
    }
  }
  const malformed: [body: object, param: string, code: string][] = [
    [{}, 'tool_outputs', 'missing_required_parameter'],
    [{ tool_outputs: {} }, 'tool_outputs', 'invalid_type'],
    [{ tool_outputs: [{ tool_call_id: 'call_a', output: { a: 1 } }] }, 'tool_outputs[0].output', 'invalid_type'],
    [{ tool_outputs: [{ tool_call_id: 'call_a', result: 'x' }] }, 'tool_outputs[0].result', 'unknown_parameter']
  ]
  for (const [body, param, code] of malformed) {
    t.match(await server.post(`${path}/submit_tool_outputs`, body), { status: 400, body: { error: { param, code } } })
  }
  t.strictSame((await server.get(path)).body, run)
  await server.post(`${path}/submit_tool_outputs`, { tool_outputs: outputs })
  t.equal((await stopped(server, run)).status, 'completed')
})

test('outputs are taken only while the run waits for them, and only once', async t => {
  const gate = new Gate()
  const { server, run, path } = await running(t, gated(twoCalls() as never, gate), gated(text('Done.'), gate))
  await gate.reached()
  const refused = async (status: string) => {
    t.match(await server.post(`${path}/submit_tool_outputs`, { tool_outputs: outputs }),
      { status: 400, body: { error: { message: `Runs in status "${status}" do not accept tool outputs.`, param: null, code: null } } })
  }
  await refused('in_progress')
  gate.open(6)
  await stopped(server, run)
  const [first, second] = await Promise.all([0, 1].map(async () => await server.post(`${path}/submit_tool_outputs`, { tool_outputs: outputs })))
  t.strictSame([first!.status, second!.status].sort(), [200, 400], 'of two at the same time one is taken')
  await gate.reached()
  await refused('in_progress')
  gate.open(Infinity)
  t.equal((await stopped(server, run)).status, 'completed')
  await refused('completed')
})

test('a run under way is cancelled: at once in word, soon in deed', async t => {
  covers(t, 'cancelRun')
  const gate = new Gate()
  const { server, run, path } = await running(t, gated(text('one two three'), gate))
  gate.open()
  await gate.reached()
  const { status, body } = await server.post(`${path}/cancel`)
  t.equal(status, 200)
  t.match(body, { id: run.id, status: 'cancelling', cancelled_at: null, expires_at: run.expires_at, usage: null })
  const ended = await stopped(server, run)
  t.match(ended, { status: 'cancelled', cancelled_at: Number, completed_at: null, failed_at: null, last_error: null, expires_at: null, usage: Object })
  await (await server.upstream.next()).aborted
  t.pass('the model is not asked any longer')
})

test('a run that waits for outputs can be cancelled, and its thread is free again', async t => {
  const { server, run, path } = await waiting(t, text('Next.'))
  t.match((await server.post(`${path}/cancel`, {})).body, { status: 'cancelling', required_action: null })
  t.match(await stopped(server, run), { status: 'cancelled', required_action: null })
  const [step] = (await server.get(`${path}/steps`)).body.data
  t.match(step, { status: 'cancelled', cancelled_at: Number, completed_at: null, step_details: { tool_calls: [{ id: 'call_a', function: { output: null } }, { id: 'call_b' }] } })
  const { status, body } = await server.post(`/threads/${run.thread_id}/runs`, { assistant_id: run.assistant_id })
  t.equal(status, 200)
  t.equal((await stopped(server, body)).status, 'completed')
})

test('a run that has ended cannot be cancelled', async t => {
  const ends: [string, UpstreamReply][] = [['completed', text('Hi.')], ['incomplete', text('Hi', { finish: 'length' })], ['failed', error(400, 'No.')]]
  for (const [status, reply] of ends) {
    const { server, run, path } = await running(t, reply)
    const ended = await stopped(server, run)
    t.equal(ended.status, status)
    t.match(await server.post(`${path}/cancel`),
      { status: 400, body: { error: { message: `Cannot cancel run with status '${status}'.`, type: 'invalid_request_error', param: null, code: null } } })
    t.strictSame((await server.get(path)).body, ended)
  }
})

test('only the metadata of a run can be modified, and only once it has ended', async t => {
  covers(t, 'modifyRun')
  const gate = new Gate()
  const { server, run, path } = await running(t, gated(text('Hi.'), gate))
  await gate.reached()
  t.match(await server.post(path, { metadata: { a: 'b' } }),
    { status: 400, body: { error: { message: "Cannot update run with status 'in_progress'.", type: 'invalid_request_error', param: null, code: null } } })
  gate.open(Infinity)
  const ended = await stopped(server, run)
  t.strictSame((await server.post(path, { metadata: { a: 'b' } })).body, { ...ended, metadata: { a: 'b' } })
  t.strictSame((await server.post(path, {})).body.metadata, { a: 'b' })
  t.strictSame((await server.post(path, { metadata: null })).body.metadata, {})
  t.match(await server.post(path, { status: 'failed' }), { status: 400, body: { error: { param: 'status', code: 'unknown_parameter' } } })
  t.strictSame((await server.get(path)).body, ended)
})

test('the runs of a thread are listed, those of another are not', async t => {
  covers(t, 'listRuns')
  const { server, run } = await running(t, text('1'), text('2'))
  await stopped(server, run)
  const other = await newThread(server, 'Hello')
  const { body: second } = await server.post(`/threads/${run.thread_id}/runs`, { assistant_id: run.assistant_id })
  await stopped(server, second)
  t.strictSame((await server.get(`/threads/${run.thread_id}/runs`)).body.data.map(({ id }: any) => id), [second.id, run.id])
  t.strictSame((await server.get(`/threads/${other.id}/runs`)).body.data, [])
  const missing = { status: 404, body: { error: { message: `No run found with id '${run.id}'.`, type: 'invalid_request_error', param: null, code: null } } }
  const path = `/threads/${other.id}/runs/${run.id}`
  t.match(await server.get(path), missing)
  t.match(await server.post(path, { metadata: {} }), missing)
  t.match(await server.post(`${path}/cancel`), missing)
  t.match(await server.post(`${path}/submit_tool_outputs`, { tool_outputs: [] }), missing)
  t.match(await server.get(`${path}/steps`), missing)
})

test('a model that fails is a failed run that says why, not a failed request', async t => {
  const failures: [UpstreamReply, string][] = [[error(429, 'Slow down.'), 'rate_limit_exceeded'], [error(500), 'server_error'], [error(404, 'No such model.'), 'server_error']]
  for (const [reply, code] of failures) {
    const { server, run } = await running(t, reply)
    const ended = await stopped(server, run)
    t.match(ended, { status: 'failed', failed_at: Number, completed_at: null, expires_at: null, last_error: { code, message: /.+/ }, usage: { total_tokens: 0 } }, ended.last_error?.message)
    t.notMatch(ended.last_error.message, /sk-upstream|127\.0\.0\.1/, 'no key, no address')
  }
})

test('whoever polls a run is told when to ask again, more seldom as it grows old, until it rests', async t => {
  const gate = new Gate()
  const clock = new ManualClock()
  const server = await startServer(t, { script: [gated(text('Done.'), gate)], clock })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const interval = async () => (await server.get(`/threads/${thread.id}/runs/${run.id}`)).headers.get('openai-poll-after-ms')
  t.equal(await interval(), '100')
  await clock.advance(4000)
  t.equal(await interval(), '500')
  await clock.advance(10_000)
  t.equal(await interval(), '1000')
  gate.open()
  await stopped(server, run)
  t.equal(await interval(), null)
})
