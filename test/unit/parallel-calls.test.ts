import { test, type Test } from 'tap'
import { silentLogger } from '../../lib/shared/log.js'
import type { AnyBuiltInTool } from '../../lib/tools/built-in-tool.js'
import { BuiltInTools } from '../../lib/tools/built-in-tools.js'
import { ServerTools } from '../../lib/tools/server-tools.js'
import { ManualClock } from '../helpers/clock.js'
import { Gate } from '../helpers/upstream-gate.js'
import { settle } from '../runs/helpers/core.js'
import { executionWorld, type ExecutionWorld } from '../runs/helpers/execution-world.js'
import { calls } from '../runs/helpers/test-model.js'

/** A built-in tool whose calls wait at a gate, and then do what the test wants. */
function gatedTool (type: string, run: () => void = () => {}): { tool: AnyBuiltInTool, gate: Gate } {
  const gate = new Gate()
  const tool: AnyBuiltInTool = {
    type,
    declare: param => param,
    offer: () => ({ name: type }),
    begin: ({ id }) => ({ id, type }),
    async * run ({ id }) {
      await gate.pass()
      run()
      yield { type, word: 'late' }
      return { call: { id, type }, kept: null }
    },
    output: () => 'done',
    replay: () => []
  }
  return { tool, gate }
}

interface World extends ExecutionWorld {
  /** A function of this server that is called beside the tools: it has begun, and this is its signal. */
  slowSignal: Promise<AbortSignal>
}

/** A job whose model calls all these tools at once, and the function `slow`, which goes on until its signal tells it not to. */
async function worldOf (t: Test, ...tools: AnyBuiltInTool[]): Promise<World> {
  let begun: (signal: AbortSignal) => void = () => {}
  const slowSignal = new Promise<AbortSignal>(resolve => { begun = resolve })
  const clock = new ManualClock()
  const slow = {
    name: 'slow',
    parameters: { type: 'object' },
    execute: async (_args: never, { signal }: { signal: AbortSignal }) => {
      begun(signal)
      return await new Promise<string>(() => {})
    }
  }
  const functions = new ServerTools({ tools: [slow], access: 'all', timeoutMs: 60_000, clock, log: silentLogger })
  const types = tools.map(({ type }) => type)
  const world = await executionWorld(t, { task: { tools: types.map(type => ({ type })) }, services: { clock, functions, tools: new BuiltInTools(tools) } })
  world.model.enqueue(calls(...types, 'slow'))
  return { ...world, slowSignal }
}

test('when a call fails, and the run with it, the signals of the calls beside it are aborted', async t => {
  const { tool, gate } = gatedTool('broken', () => { throw new Error('secret') })
  const { execution, slowSignal, task } = await worldOf(t, tool)
  const executed = (await execution()).execute()
  const signal = await slowSignal
  t.equal(signal.aborted, false)
  gate.open()
  await executed
  t.match(await task(), { result: 'failed', error: { message: 'Sorry, something went wrong.' } })
  t.equal(signal.aborted, true)
})

for (const [how, change, result] of [
  ['was cancelled on another instance', async world => { await world.change({ phase: 'cancelling' }) }, 'cancelled'],
  ['is another instance\'s by now', async world => { await world.takeOver() }, null]
] satisfies [string, (world: World) => Promise<void>, string | null][]) {
  test(`when the output of a call cannot be written, for the run ${how}, the signals of the calls beside it are aborted`, async t => {
    const { tool, gate } = gatedTool('quick')
    const world = await worldOf(t, tool)
    const executed = (await world.execution()).execute()
    const signal = await world.slowSignal
    await change(world)
    gate.open()
    await executed
    t.match(await world.task(), { result })
    t.equal(signal.aborted, true)
  })
}

test('what a tool reports that goes on regardless is not told behind the end of its run', async t => {
  const broken = gatedTool('broken', () => { throw new Error('secret') })
  const stubborn = gatedTool('stubborn')
  const { execution, slowSignal, told } = await worldOf(t, broken.tool, stubborn.tool)
  const executed = (await execution()).execute()
  await slowSignal
  broken.gate.open()
  await executed
  t.equal(told().at(-1), 'task.ended failed')
  stubborn.gate.open()
  await settle()
  t.equal(told().at(-1), 'task.ended failed')
})
