import type { TestServerOptions } from '../../helpers/server.js'
import { Gate, text, toolCalls, type StreamReply } from '../../helpers/upstream.js'
import { outputsOf, pathOf, type Flows } from '../scene.js'

type ServerTool = NonNullable<TestServerOptions['tools']>[number]

const parameters = { type: 'object', properties: { of: { type: 'string' } }, required: ['of'] }

/** A function that the client answers. */
export const clientTool = (name: string): object => ({ type: 'function', function: { name, description: `The ${name}.`, parameters } })

/** A function that the server answers. */
export const serverTool = (name: string, execute: (args: any) => unknown, more: Partial<ServerTool> = {}): ServerTool =>
  ({ name, description: `The ${name}, from here.`, parameters, execute, ...more } as ServerTool)

/** A call under a fixed id. */
export const call = (name: string, of = 'Rome') => ({ name, arguments: { of }, id: `call_${name}_${of}` })

/** The reply with a gate before its last fragment. */
export function gatedBeforeEnd (reply: StreamReply): { gate: Gate, reply: StreamReply } {
  const gate = new Gate()
  return { gate, reply: { ...reply, steps: reply.steps.toSpliced(-1, 0, gate) } }
}

const BOTH = { tools: [clientTool('weather'), clientTool('time')] }

/** Runs in which the model calls functions. */
export const tools: Flows = {
  'tools-two-calls': {
    about: 'Two functions are called in one turn; the client answers both, in its own order, streamed.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), call('time', 'Oslo')]), text('Sunny at noon.'))
      const run = await scene.run({}, BOTH)
      await (await scene.submit(run, { call_time_Oslo: 'noon', call_weather_Rome: 'sun' })).all()
      await scene.leave(run)
    }
  },

  'tools-polled': {
    about: 'Functions are called in two turns, and answered without a stream. Outputs that do not match are refused.',
    async play (scene) {
      scene.model(toolCalls([call('weather')]), toolCalls([call('weather', 'Oslo'), call('time')]), text('Both are fine.'))
      const run = await scene.create(BOTH)
      await scene.rested(run)
      await scene.get(pathOf(run))
      const path = `${pathOf(run)}/submit_tool_outputs`
      await scene.post(path, outputsOf({ call_other: 'x' }))
      await scene.post(path, outputsOf({ call_weather_Rome: 'sun' }))
      await scene.rested(run)
      await scene.post(path, outputsOf({ call_weather_Oslo: 'rain' }))
      await scene.post(path, outputsOf({ call_weather_Oslo: 'rain', call_time_Rome: '' }))
      await scene.leave(run)
      await scene.post(path, outputsOf({ call_time_Rome: 'late' }))
    }
  },

  'tools-text-before-calls': {
    about: 'The model says something before it calls a function, and once more after it.',
    async play (scene) {
      scene.model(toolCalls([call('weather')], { textBefore: 'Let me see.' }), text('It is sunny.'))
      const run = await scene.run({}, BOTH)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run)
    }
  },

  'tools-text-after-calls': {
    about: 'What the model says behind its calls within a turn is no message, and is read by its next turn.',
    async play (scene) {
      const turn = toolCalls([call('weather')])
      scene.model({ ...turn, steps: [...turn.steps, 'Wait', ' for it.'] }, text('It is sunny.'))
      const run = await scene.run({}, BOTH)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run)
    }
  },

  'tools-fragments': {
    about: 'The fragments of two calls alternate, and one call has no arguments at all.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), call('time', 'Oslo'), { name: 'time', arguments: '', id: 'call_bare' }], { fragments: 3, interleaved: true }), text('Done.'))
      const run = await scene.run({}, BOTH)
      await (await scene.submit(run, { call_weather_Rome: 'sun', call_time_Oslo: 'noon', call_bare: 'never' })).all()
      await scene.leave(run)
    }
  },

  'tools-opaque': {
    about: 'What a vendor attaches to its calls comes back to it with them.',
    async play (scene) {
      scene.model(toolCalls([{ ...call('weather'), extra: { extra_content: { google: { thought_signature: 'abc' } } } }], { style: 'whole' }), text('Done.'))
      const run = await scene.run({}, BOTH)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run)
    }
  },

  'tools-server': {
    about: 'Tools of the server are offered to every run, and answered by it: one well, one with an error, one that nobody has.',
    async play (scene) {
      await scene.own({ tools: [serverTool('add', ({ of }) => ({ sum: of })), serverTool('break', () => { throw new Error('out of order') })] })
      scene.model(toolCalls([call('add', 'two'), call('break'), call('unknown'), { name: 'add', arguments: '{"of":', id: 'call_cut' }]), text('That is it.'))
      await scene.leave(await scene.run())
    }
  },

  'tools-server-and-client': {
    about: 'Of three calls in one turn the server answers one, and the client two: one that only it can, one that wants its approval.',
    async play (scene) {
      await scene.own({ tools: [serverTool('add', ({ of }) => of), serverTool('buy', () => 'bought', { requiresApproval: true })] })
      scene.model(toolCalls([call('weather'), call('add', 'two'), call('buy', 'it')]), text('All done.'))
      const run = await scene.run(BOTH)
      await (await scene.submit(run, { call_weather_Rome: 'sun', call_buy_it: 'no' })).all()
      await scene.leave(run)
    }
  },

  'tools-server-turns': {
    about: 'The model calls a tool of the server in two turns, with words before each.',
    async play (scene) {
      await scene.own({ tools: [serverTool('add', ({ of }) => `${of}, added`)] })
      scene.model(toolCalls([call('add', 'one')], { textBefore: 'First.' }), toolCalls([call('add', 'two'), call('add', 'three')], { textBefore: 'Then.' }), text('Last.'))
      await scene.leave(await scene.run())
    }
  },

  'tools-forced': {
    about: 'A function is forced: the first turn has to call it, the second may do as it likes.',
    async play (scene) {
      scene.model(toolCalls([call('time')]), text('Noon.'))
      const run = await scene.run({ tool_choice: { type: 'function', function: { name: 'time' } }, parallel_tool_calls: false }, BOTH)
      await (await scene.submit(run, { call_time_Rome: 'noon' })).all()
      await scene.leave(run)
    }
  },

  'tools-none': {
    about: 'Tools are there but not to be called.',
    async play (scene) {
      scene.model(text('I would not know.'))
      await scene.leave(await scene.run({ tool_choice: 'none' }, BOTH))
    }
  },

  'tools-required': {
    about: 'Some tool has to be called first.',
    async play (scene) {
      scene.model(toolCalls([call('time')]), text('Noon.'))
      const run = await scene.run({ tool_choice: 'required' }, BOTH)
      await (await scene.submit(run, { call_time_Rome: 'noon' })).all()
      await scene.leave(run)
    }
  },

  'tools-next-run': {
    about: 'What a run has called is no part of the prompt of the next one on the thread; what it said is.',
    async play (scene) {
      scene.model(toolCalls([call('time')], { textBefore: 'Wait.' }), text('Noon.'), text('You are welcome.'))
      const { path, body } = await scene.runnable(BOTH)
      const run = await scene.rested((await scene.post(path, body)).body)
      await (await scene.submit(run, { call_time_Rome: 'noon' })).all()
      const reader = await scene.stream(path, { ...body, additional_messages: [{ role: 'user', content: 'Thanks.' }] })
      const next = await reader.until('thread.run.created')
      await reader.all()
      await scene.leave(next)
    }
  }
}
