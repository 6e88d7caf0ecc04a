import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { covers, newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { error, text, toolCalls } from '../helpers/upstream.js'

const usage = (prompt: number, completion: number) => ({ prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion })

for (const sdk of sdks) {
  test(`${sdk.name}: a run that calls a function and answers has two steps, listed and read one by one`, async t => {
    covers(t, 'listRunSteps', 'getRunStep')
    const server = await startServer(t, {
      script: [toolCalls([{ name: 'f', arguments: { x: 1 }, id: 'call_1' }], { usage: usage(10, 5) }), text('Done.', { usage: usage(20, 1) })]
    })
    const { runs } = server.client(sdk).beta.threads
    const assistant = await newAssistant(server, { tools: [{ type: 'function', function: { name: 'f' } }] })
    const thread = await newThread(server, 'Hello')
    const run = await stopped(server, await runs.create(thread.id, { assistant_id: assistant.id }))
    const parents = { thread_id: thread.id, run_id: run.id }

    const [open] = (await runs.steps.list(run.id, parents)).data
    const common = { object: 'thread.run.step', run_id: run.id, assistant_id: assistant.id, thread_id: thread.id, cancelled_at: null, expired_at: null, failed_at: null, last_error: null, metadata: {} }
    t.strictSame(open, {
      ...common,
      id: open!.id,
      created_at: open!.created_at,
      type: 'tool_calls',
      status: 'in_progress',
      completed_at: null,
      expires_at: run.expires_at,
      step_details: { type: 'tool_calls', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"x":1}', output: null } }] },
      usage: null
    })
    t.match(open!.id, /^step_[0-9A-Za-z]{24}$/)

    await runs.submitToolOutputs(run.id, { thread_id: thread.id, tool_outputs: [{ tool_call_id: 'call_1', output: '42' }] })
    await stopped(server, run)
    const steps = (await runs.steps.list(run.id, { ...parents, order: 'asc' })).data
    const [message] = (await server.get(`/threads/${thread.id}/messages`)).body.data
    const details = { prompt_token_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } }
    const [first, second] = steps
    t.strictSame(first, {
      ...open,
      status: 'completed',
      completed_at: first!.completed_at,
      expires_at: (first as any).expires_at,
      step_details: { type: 'tool_calls', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"x":1}', output: '42' } }] },
      usage: { ...usage(10, 5), ...details }
    })
    t.strictSame(second, {
      ...common,
      id: second!.id,
      created_at: second!.created_at,
      type: 'message_creation',
      status: 'completed',
      completed_at: second!.completed_at,
      expires_at: (second as any).expires_at,
      step_details: { type: 'message_creation', message_creation: { message_id: message.id } },
      usage: { ...usage(20, 1), ...details }
    })
    t.equal(steps.length, 2)
    for (const step of steps) t.strictSame(await runs.steps.retrieve(step.id, parents), step)
    t.strictSame((await runs.retrieve(run.id, { thread_id: thread.id })).usage, { ...usage(30, 6), ...details }, 'the run costs what its steps do')
  })
}

test('an unknown step, and one of another run, is a 404', async t => {
  const server = await startServer(t, { script: [text('1'), text('2')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const runs: any[] = []
  for (let n = 0; n < 2; n++) runs.push(await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body))
  const [step] = (await server.get(`/threads/${thread.id}/runs/${runs[0].id}/steps`)).body.data
  for (const [run, id] of [[runs[0], 'step_none'], [runs[1], step.id], [runs[0], 'xyz']]) {
    t.match(await server.get(`/threads/${thread.id}/runs/${run.id}/steps/${id}`),
      { status: 404, body: { error: { message: `No run step found with id '${id}'.`, type: 'invalid_request_error', param: null, code: null } } })
  }
})

test('a step that fails says why', async t => {
  const server = await startServer(t, { script: [text(['Half an', { fault: 'drop' }]), error(429, 'Slow down.')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'failed')
  const { data } = (await server.get(`/threads/${thread.id}/runs/${run.id}/steps`)).body
  t.match(data, [{ type: 'message_creation', status: 'failed', failed_at: Number, completed_at: null, last_error: { code: 'server_error', message: run.last_error.message } }])
  const [message] = (await server.get(`/threads/${thread.id}/messages`)).body.data
  t.match(message, { status: 'incomplete', incomplete_at: Number, completed_at: null, incomplete_details: { reason: 'run_failed' }, content: [{ text: { value: 'Half an' } }] })
  t.equal(data[0].step_details.message_creation.message_id, message.id)
})

test('a run that failed before its first word has no steps', async t => {
  const server = await startServer(t, { script: [error(500)] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.strictSame((await server.get(`/threads/${thread.id}/runs/${run.id}/steps`)).body, { object: 'list', data: [], first_id: null, last_id: null, has_more: false })
})
