import { test, type Test } from 'tap'
import { error, Gate, text, toolCalls } from '../helpers/upstream.js'
import { ManualClock } from '../helpers/clock.js'
import { putBack } from './helpers/put-back.js'
import { clientTool, outputsFor, pathOf, startGatedServer, type GatedServer } from './helpers/server.js'

const call = toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }])
const tools = { tools: [clientTool('ask')] }

/** Brings a new run into each status and leaves it there. */
const REACH: Record<string, (server: GatedServer, clock: ManualClock) => Promise<any>> = {
  async queued (server, clock) {
    const run = await REACH.in_progress!(server, clock)
    await putBack(server.store, run)
    return await server.look(run)
  },
  async in_progress (server) {
    const gate = new Gate()
    server.upstream.enqueue(text([gate, 'Hi']))
    const run = await server.run(tools)
    await gate.reached()
    return await server.look(run)
  },
  async requires_action (server) {
    server.upstream.enqueue(call)
    return await server.rest(await server.run(tools))
  },
  async cancelling (server) {
    const run = await REACH.requires_action!(server, new ManualClock())
    const end = server.hold('cancelled')
    await server.post(`${pathOf(run)}/cancel`)
    await end.reached()
    return await server.look(run)
  },
  async cancelled (server) {
    const run = await REACH.requires_action!(server, new ManualClock())
    await server.post(`${pathOf(run)}/cancel`)
    return await server.rest(run)
  },
  async failed (server) {
    server.upstream.enqueue(error(500))
    return await server.rest(await server.run(tools))
  },
  async completed (server) {
    server.upstream.enqueue(text('Hi'))
    return await server.rest(await server.run(tools))
  },
  async incomplete (server) {
    server.upstream.enqueue(text('Hi', { finish: 'length' }))
    return await server.rest(await server.run(tools))
  },
  async expired (server, clock) {
    const run = await REACH.requires_action!(server, clock)
    await clock.advance(600_000)
    return await server.rest(run)
  }
}

const ACTIVE = ['queued', 'in_progress', 'requires_action', 'cancelling']

interface Attempt {
  /** What is sent: the path behind the thread's, and the body. */
  request (run: any, assistantId: string): [string, object]
  /** The message that refuses it; undefined where it is allowed. */
  refusal (run: any): string | undefined
  /** What the answer has when it is allowed. */
  answer: object
}

const ATTEMPTS: Record<string, Attempt> = {
  'cancelling it': {
    request: run => [`/runs/${run.id}/cancel`, {}],
    refusal: ({ status }) => ACTIVE.includes(status) ? undefined : `Cannot cancel run with status '${status}'.`,
    answer: { object: 'thread.run', status: 'cancelling', cancelled_at: null, required_action: null, usage: null }
  },
  'submitting outputs': {
    request: run => [`/runs/${run.id}/submit_tool_outputs`, { tool_outputs: run.required_action === null ? [{ tool_call_id: 'call_1', output: '' }] : outputsFor(run) }],
    refusal: ({ status }) => status === 'requires_action' ? undefined : `Runs in status "${status}" do not accept tool outputs.`,
    answer: { object: 'thread.run', status: 'queued', required_action: null, usage: null }
  },
  'modifying it': {
    request: run => [`/runs/${run.id}`, { metadata: { seen: 'yes' } }],
    refusal: ({ status }) => ACTIVE.includes(status) ? `Cannot update run with status '${status}'.` : undefined,
    answer: { object: 'thread.run', metadata: { seen: 'yes' } }
  },
  'adding a message': {
    request: () => ['/messages', { role: 'user', content: 'And?' }],
    refusal: run => ACTIVE.includes(run.status) ? `Can't add messages to ${run.thread_id} while a run ${run.id} is active.` : undefined,
    answer: { object: 'thread.message' }
  },
  'starting another run': {
    request: (_run, assistantId) => ['/runs', { assistant_id: assistantId, additional_messages: [{ role: 'user', content: 'And?' }] }],
    refusal: run => ACTIVE.includes(run.status) ? `Thread ${run.thread_id} already has an active run ${run.id}.` : undefined,
    answer: { object: 'thread.run', status: 'queued' }
  }
}

for (const [status, reach] of Object.entries(REACH)) {
  test(`what may be done to a run that is ${status}`, async t => {
    const clock = new ManualClock()
    const server = await startGatedServer(t, { clock })
    server.upstream.respond(() => text('Done.'))
    for (const [name, attempt] of Object.entries(ATTEMPTS)) {
      const run = await reach(server, clock)
      t.equal(run.status, status)
      const next = await trying(t, server, run, `${name} while it is ${status}`, attempt)
      server.store.openAll()
      // What it has set going takes its reply before the next run comes.
      if (next?.object === 'thread.run') await server.rest(next)
    }
  })
}

async function trying (t: Test, server: GatedServer, run: any, name: string, attempt: Attempt): Promise<any> {
  const stored = async (): Promise<unknown> => {
    const [runs, messages, steps] = await Promise.all([
      server.get(`/threads/${run.thread_id}/runs`), server.get(`/threads/${run.thread_id}/messages`), server.get(`${pathOf(run)}/steps`)
    ])
    return [runs.body, messages.body, steps.body]
  }
  const before = await stored()
  const [path, body] = attempt.request(run, run.assistant_id)
  const answer = await server.post(`/threads/${run.thread_id}${path}`, body)
  const refusal = attempt.refusal(run)
  if (refusal === undefined) {
    t.equal(answer.status, 200, name)
    t.match(answer.body, attempt.answer, name)
    return answer.body
  } else {
    t.equal(answer.status, 400, name)
    t.strictSame(answer.body, { error: { message: refusal, type: 'invalid_request_error', param: null, code: null } }, name)
    t.strictSame(await stored(), before, `${name}: nothing has changed`)
  }
}

test('every operation on a run that does not exist is a 404 that names the thread first', async t => {
  const clock = new ManualClock()
  const server = await startGatedServer(t, { clock })
  const run = await REACH.requires_action!(server, clock)
  for (const [name, attempt] of Object.entries(ATTEMPTS).slice(0, 3)) {
    const [path, body] = attempt.request({ ...run, id: 'run_unknown' }, run.assistant_id)
    const unknown = await server.post(`/threads/${run.thread_id}${path}`, body)
    t.match(unknown, { status: 404, body: { error: { message: 'No run found with id \'run_unknown\'.' } } }, name)
    const elsewhere = await server.post(`/threads/thread_unknown${path}`, body)
    t.match(elsewhere, { status: 404, body: { error: { message: 'No thread found with id \'thread_unknown\'.' } } }, name)
  }
})
