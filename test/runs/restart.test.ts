import { test, type Test } from 'tap'
import type { Run } from '../../schemas/runs.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { eventsOf, names, restingRun, startRun, told, until, type TestCore } from './helpers/core.js'
import { movesRunTo } from './helpers/gated-store.js'
import { ENDINGS, Lives } from './helpers/lifetime.js'
import { putBack } from './helpers/put-back.js'
import { outputsFor } from './helpers/server.js'

const parameters = { type: 'object' }
const ask = { type: 'function' as const, function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

/** The thread as a reader of the API finds it when all is over, and that it is free. */
async function aftermath (t: Test, core: TestCore, run: Run): Promise<{ messages: unknown[], steps: unknown[] }> {
  const { data: messages } = await core.messages.list(run.thread_id, { order: 'asc' })
  const { data: steps } = await core.runs.listSteps(run.thread_id, run.id, { order: 'asc' })
  t.equal((await core.messages.create(run.thread_id, { role: 'user', content: 'Free?' })).object, 'thread.message', 'the thread is free')
  return {
    messages: messages.map(({ role, status, content: [part] }) => [role, status, part?.type === 'text' ? part.text.value : part?.type]),
    steps: steps.map(({ type, status }) => [type, status])
  }
}

const HELLO = ['user', 'completed', 'Hello?']
const said = (value: string) => ['assistant', 'completed', value]

test('killed before the model has said anything: the run goes on in the next life, also where version 0.1 has left it queued', async t => {
  for (const version of ['now', '0.1']) {
    const gate = new Gate()
    const lives = await Lives.begin(t, { script: [text([gate, 'never told']), text('Hi')] })
    const { run } = await startRun(await lives.start())
    await gate.reached()
    await lives.crash(async records => { if (version === '0.1') await putBack(records, run) })
    const again = await lives.start()
    t.equal((await restingRun(again, run)).status, 'completed')
    t.equal(lives.upstream.chats.length, 2)
    t.strictSame(await aftermath(t, again, run), { messages: [HELLO, said('Hi')], steps: [['message_creation', 'completed']] })
  }
})

for (const ending of ENDINGS) {
  test(`${ending} in the middle of a message: it is said anew, under the id that was told`, async t => {
    const gate = new Gate()
    const lives = await Lives.begin(t, { script: [text(['Once', gate, ' upon']), text('Once again')] })
    const core = await lives.start()
    const { run, log } = await startRun(core)
    await told(log, 'thread.message.delta')
    const before = [await core.messages.list(run.thread_id, {}), await core.runs.listSteps(run.thread_id, run.id, {})]
    await lives[ending]()
    const again = await lives.start()
    t.equal((await restingRun(again, run)).status, 'completed')
    const after = [await again.messages.list(run.thread_id, {}), await again.runs.listSteps(run.thread_id, run.id, {})]
    t.strictSame(after.map(({ data }) => data.map(({ id }) => id)), before.map(({ data }) => data.map(({ id }) => id)))
    t.equal(lives.upstream.chats.length, 2)
    t.strictSame(lives.upstream.chats[1]!.body.messages, lives.upstream.chats[0]!.body.messages, 'the model is asked the same again')
    t.strictSame(await aftermath(t, again, run), { messages: [HELLO, said('Once again')], steps: [['message_creation', 'completed']] })
  })

  test(`${ending} in the middle of a tool call: the turn is redone`, async t => {
    const gate = new Gate()
    const turn = toolCalls([{ name: 'add', arguments: { a: 1 } }])
    const lives = await Lives.begin(t, { tools: [{ name: 'add', parameters, execute: () => 3 }], script: [{ ...turn, steps: turn.steps.toSpliced(-1, 0, gate) }, turn, text('Three')] })
    const { run, log } = await startRun(await lives.start())
    await told(log, 'thread.run.step.delta')
    await lives[ending]()
    const again = await lives.start()
    t.equal((await restingRun(again, run)).status, 'completed')
    t.equal(lives.upstream.chats.length, 3)
    t.strictSame(await aftermath(t, again, run), { messages: [HELLO, said('Three')], steps: [['tool_calls', 'completed'], ['message_creation', 'completed']] })
  })

  test(`${ending} in the middle of a turn that said something before its calls: nothing is said twice`, async t => {
    const gate = new Gate()
    const turn = toolCalls([{ name: 'add', arguments: { a: 1 } }], { textBefore: 'Let me see.' })
    const lives = await Lives.begin(t, { tools: [{ name: 'add', parameters, execute: () => 3 }], script: [{ ...turn, steps: turn.steps.toSpliced(-1, 0, gate) }, turn, text('Three')] })
    const { run, log } = await startRun(await lives.start())
    await told(log, 'thread.run.step.delta')
    await lives[ending]()
    const again = await lives.start()
    t.equal((await restingRun(again, run)).status, 'completed')
    t.strictSame(lives.upstream.chats[1]!.body.messages, lives.upstream.chats[0]!.body.messages, 'the whole turn is redone')
    t.strictSame(await aftermath(t, again, run), {
      messages: [HELLO, said('Let me see.'), said('Three')],
      steps: [['message_creation', 'completed'], ['tool_calls', 'completed'], ['message_creation', 'completed']]
    })
  })

  test(`${ending} while a server tool runs: neither the model nor a tool that has answered is asked again`, async t => {
    const gate = new Gate()
    const ran: string[] = []
    const tools = [
      { name: 'quick', parameters, execute: () => { ran.push('quick'); return 'q' } },
      { name: 'slow', parameters, execute: async () => { ran.push('slow'); await gate.pass(); return 's' } }
    ]
    const lives = await Lives.begin(t, { tools, script: [toolCalls([{ name: 'quick', arguments: {} }, { name: 'slow', arguments: {} }]), text('Done')] })
    const core = await lives.start()
    const { run } = await startRun(core)
    await gate.reached()
    await until(async () => {
      const { data: [step] } = await core.runs.listSteps(run.thread_id, run.id, {})
      return step?.step_details.type === 'tool_calls' && step.step_details.tool_calls[0]?.type === 'function' && step.step_details.tool_calls[0].function.output === 'q'
    })
    await lives[ending]()
    gate.open(Infinity)
    const again = await lives.start()
    t.equal((await restingRun(again, run)).status, 'completed')
    t.strictSame(ran, ['quick', 'slow', 'slow'])
    t.equal(lives.upstream.chats.length, 2, 'one turn with the calls, one with their outputs')
    t.strictSame(lives.upstream.chats[1]!.body.messages.slice(-2).map(({ content }: any) => content), ['q', 's'])
    t.strictSame(await aftermath(t, again, run), { messages: [HELLO, said('Done')], steps: [['tool_calls', 'completed'], ['message_creation', 'completed']] })
  })

  test(`${ending} in a later turn: the turns before it are not repeated`, async t => {
    const gate = new Gate()
    let ran = 0
    const usage = { usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }
    const lives = await Lives.begin(t, {
      tools: [{ name: 'add', parameters, execute: () => ++ran }],
      script: [toolCalls([{ name: 'add', arguments: {} }], usage), text(['Do', gate, 'ne']), text('Done', usage)]
    })
    const { run, log } = await startRun(await lives.start())
    await told(log, 'thread.message.delta')
    await lives[ending]()
    const again = await lives.start()
    const done = await restingRun(again, run)
    t.equal(done.status, 'completed')
    t.equal(ran, 1)
    t.equal(lives.upstream.chats.length, 3)
    t.strictSame(lives.upstream.chats[2]!.body.messages, lives.upstream.chats[1]!.body.messages)
    t.equal(done.usage?.total_tokens, 30, 'the turn before it is paid for once, the broken one is not')
    t.strictSame(await aftermath(t, again, run), { messages: [HELLO, said('Done')], steps: [['tool_calls', 'completed'], ['message_creation', 'completed']] })
  })

  test(`${ending} while the run waits for outputs: they are taken in the next life`, async t => {
    const lives = await Lives.begin(t, {
      tools: [{ name: 'add', parameters, execute: () => 3 }],
      script: [toolCalls([{ name: 'ask', arguments: {}, id: 'call_1' }, { name: 'add', arguments: {}, id: 'call_2' }]), text('Noon')]
    })
    const core = await lives.start()
    const { run } = await startRun(core, { tools: [ask] })
    const asking = await restingRun(core, run)
    await lives[ending]()
    const again = await lives.start()
    t.strictSame(await again.runs.get(run.thread_id, run.id), asking, 'it is as it was')
    const { log, from } = await again.runs.submitToolOutputs(run.thread_id, run.id, { tool_outputs: outputsFor(asking, 'noon') })
    t.strictSame(names(await eventsOf(log, from)).slice(0, 3), ['run.step.completed', 'run.queued', 'run.in_progress'])
    t.equal((await again.runs.get(run.thread_id, run.id)).status, 'completed')
    t.equal(lives.upstream.chats.length, 2)
    t.strictSame(lives.upstream.chats[1]!.body.messages.slice(-2).map(({ content }: any) => content), ['noon', '3'])
    t.strictSame(await aftermath(t, again, run), { messages: [HELLO, said('Noon')], steps: [['tool_calls', 'completed'], ['message_creation', 'completed']] })
  })

  test(`${ending} while the run waits for outputs that never come: it expires in the next life`, async t => {
    const clock = new ManualClock()
    const lives = await Lives.begin(t, { clock, script: [toolCalls([{ name: 'ask', arguments: {} }])] })
    const core = await lives.start()
    const { run } = await startRun(core, { tools: [ask] })
    await restingRun(core, run)
    await lives[ending]()
    const again = await lives.start()
    await clock.advance(599_999)
    t.equal((await again.runs.get(run.thread_id, run.id)).status, 'requires_action')
    await clock.advance(1)
    t.equal((await again.runs.get(run.thread_id, run.id)).status, 'expired')
    t.strictSame(await aftermath(t, again, run), { messages: [HELLO], steps: [['tool_calls', 'expired']] })
  })
}

test('killed while the run is being cancelled: it is cancelled when the next life begins', async t => {
  const gate = new Gate()
  const lives = await Lives.begin(t, { script: [text(['Once', gate, ' upon'])] })
  const core = await lives.start()
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  const end = lives.hold(movesRunTo('cancelled'))
  await core.runs.cancel(run.thread_id, run.id)
  await end.reached()
  const dead = lives.crash()
  end.open()
  await dead
  const again = await lives.start()
  t.equal((await restingRun(again, run)).status, 'cancelled')
  t.equal(lives.upstream.chats.length, 1)
  t.strictSame(await aftermath(t, again, run), { messages: [HELLO, ['assistant', 'incomplete', '']], steps: [['message_creation', 'cancelled']] })
})

test('a run whose time passes while nobody lives has expired when somebody looks', async t => {
  const clock = new ManualClock()
  const gate = new Gate()
  const lives = await Lives.begin(t, { clock, script: [text(['Once', gate, ' upon'])] })
  const { run, log } = await startRun(await lives.start())
  await told(log, 'thread.message.delta')
  await lives.crash()
  await clock.advance(600_000)
  const again = await lives.start()
  t.equal((await again.runs.get(run.thread_id, run.id)).status, 'expired')
  t.equal(lives.upstream.chats.length, 1)
  t.strictSame(await aftermath(t, again, run), { messages: [HELLO, ['assistant', 'incomplete', '']], steps: [['message_creation', 'expired']] })
})
