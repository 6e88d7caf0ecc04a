import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { newAssistant, newThread, startServer } from '../helpers/server.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { callTools, outcome, stepOutputs } from './helpers.js'

const parameters = { type: 'object' }

test('arguments that are not JSON are answered, and recorded as the model wrote them', async t => {
  const { outputs, steps, run } = await callTools(t, [{ name: 'add', parameters, execute: () => 'ran' }], [{ name: 'add', arguments: '{"a": 1' }])
  t.strictSame(outputs, ['Error: the arguments of "add" are not valid JSON.'])
  t.strictSame(steps[0].step_details.tool_calls[0].function, { name: 'add', arguments: '{"a": 1', output: outputs[0] })
  t.equal(run.status, 'completed')
})

for (const [what, execute] of [
  ['throws', () => { throw new Error('the disk is full') }],
  ['rejects', async () => { throw new Error('the disk is full') }],
  ['throws something that is no error', () => { throw 'the disk is full' }] // eslint-disable-line no-throw-literal
] as const) {
  test(`a tool that ${what}: the model is told, the run goes on`, async t => {
    const { outputs, steps, run } = await callTools(t, [{ name: 'save', parameters, execute }], [{ name: 'save', arguments: {} }])
    t.strictSame(outputs, ['Error: the disk is full'])
    t.strictSame(stepOutputs(steps), outputs)
    t.equal(steps[0].status, 'completed')
    t.equal(run.status, 'completed')
  })
}

test('a schema that throws is a tool that failed', async t => {
  const broken = { safeParse () { throw new Error('what is this?') } }
  const tool = { name: 'add', parameters: broken, toJSON: () => ({ name: 'add', parameters }), execute: () => 'ran' }
  const { outputs, run } = await callTools(t, [tool], [{ name: 'add', arguments: {} }])
  t.strictSame(outputs, ['Error: what is this?'])
  t.equal(run.status, 'completed')
})

for (const [option, limits, timeout] of [['the server\'s limit', { toolTimeoutMs: 5000 }, undefined], ['a limit of its own', { toolTimeoutMs: 60_000 }, 5000]] as const) {
  test(`a tool that takes longer than ${option} is given up`, async t => {
    const clock = new ManualClock()
    const working = new Gate()
    let signal: AbortSignal | undefined
    const slow = {
      name: 'slow',
      parameters,
      ...(timeout === undefined ? {} : { timeout }),
      async execute (_args: unknown, context: { signal: AbortSignal }) {
        signal = context.signal
        await working.pass()
        return 'too late'
      }
    }
    const server = await startServer(t, { clock, limits, tools: [slow], script: [toolCalls([{ name: 'slow', arguments: {} }]), text('Done')] })
    const assistant = await newAssistant(server)
    const thread = await newThread(server, 'Hello?')
    const { body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    await working.reached()
    await clock.advance(4999)
    t.equal(signal?.aborted, false)
    await clock.advance(1)
    const { outputs, run } = await outcome(server, body)
    t.strictSame(outputs, ['Error: the tool took longer than 5000 ms'])
    t.equal(signal?.aborted, true, 'it was told')
    t.equal(run.status, 'completed')
    working.open()
    t.equal((await server.get(`/threads/${thread.id}/runs/${run.id}/steps`)).body.data.length, 2, 'what it says later is not heard')
  })
}

test('the clock that limits a call stops with it', async t => {
  const clock = new ManualClock()
  const timers: number[] = []
  const tool = { name: 'quick', parameters, timeout: 1234, execute: async () => { timers.push(await clock.armed(ms => ms === 1234)) } }
  await callTools(t, [tool], [{ name: 'quick', arguments: {} }], { clock })
  t.strictSame(timers, [1234])
  const again = await Promise.race([clock.armed(ms => ms === 1234), Promise.resolve('gone')])
  t.equal(again, 'gone')
})

for (const [what, output, text] of [
  ['a number', 3, '3'],
  ['an object', { sum: 3, parts: [1, 2] }, '{"sum":3,"parts":[1,2]}'],
  ['a list', [1, 'two'], '[1,"two"]'],
  ['nothing', undefined, ''],
  ['null', null, 'null'],
  ['an empty text', '', ''],
  ['text with every kind of sign', '"quotes"\n\u2028\\ 🐸 \u0007', '"quotes"\n\u2028\\ 🐸 \u0007']
] as const) {
  test(`a tool that returns ${what}`, async t => {
    const { outputs, steps } = await callTools(t, [{ name: 'tool', parameters, execute: () => output }], [{ name: 'tool', arguments: {} }])
    t.strictSame(outputs, [text])
    t.strictSame(stepOutputs(steps), [text])
  })
}

test('a result that has no JSON is a failure of the tool', async t => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  const { outputs, run } = await callTools(t, [{ name: 'tool', parameters, execute: () => circle }, { name: 'big', parameters, execute: () => 1n }],
    [{ name: 'tool', arguments: {} }, { name: 'big', arguments: {} }])
  for (const output of outputs) t.match(output, /^Error: /)
  t.equal(run.status, 'completed')
})

test('a result longer than a submitted one may be is cut', async t => {
  const { outputs, run } = await callTools(t, [{ name: 'tool', parameters, execute: () => 'x'.repeat(2_000_000) }], [{ name: 'tool', arguments: {} }])
  t.equal(outputs[0]?.length, 1_048_576)
  t.equal(run.status, 'completed')
})

test('one tool that fails does not harm the others of its turn', async t => {
  const tools = [{ name: 'bad', parameters, execute: () => { throw new Error('no') } }, { name: 'good', parameters, execute: () => 'yes' }]
  const { outputs } = await callTools(t, tools, [{ name: 'good', arguments: {} }, { name: 'bad', arguments: {} }, { name: 'good', arguments: {} }])
  t.strictSame(outputs, ['yes', 'Error: no', 'yes'])
})
