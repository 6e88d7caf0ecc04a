import { Gate, text, toolCalls } from '../../helpers/upstream.js'
import { movesRunTo } from '../../runs/helpers/gated-store.js'
import { putBack } from '../../runs/helpers/put-back.js'
import { INCLUDE, pathOf, type Flows } from '../scene.js'
import { find, searching } from './search.js'
import { call, clientTool, gatedBeforeEnd, serverTool } from './tools.js'

const WEATHER = { tools: [clientTool('weather')] }
const HUNDRED = { usage: { prompt_tokens: 60, completion_tokens: 40, total_tokens: 100 } }

/**
 * Runs whose server dies, or leaves, and that go on in its next life. The first reader keeps what it has read so far; a second one joins
 * the next life. Each life is a minute behind the one before.
 */
export const takeovers: Flows = {
  'takeover-queued': {
    about: 'The server dies before it has begun with the run, which a server of version 0.1 leaves queued then.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text([gate, ' never told']))
      const first = await scene.live()
      const { reader, run } = await scene.begin()
      await reader.until('thread.run.in_progress')
      await gate.reached()
      await first.crash(async records => await putBack(records, run))
      scene.model(text('Hello.'))
      await scene.live()
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'takeover-mid-text': {
    about: 'The server dies within the answer: the model is asked again, and the answer has the same ids.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' never told']), text('Once upon a time.'))
      const first = await scene.live()
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      await first.crash()
      await scene.live()
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'takeover-mid-text-handed-over': {
    about: 'The server leaves in good order within the answer.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' never told']), text('Once upon a time.'))
      const first = await scene.live()
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      await first.stop()
      await reader.all()
      await scene.live()
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'takeover-mid-text-calls-instead': {
    about: 'The server dies within the answer, and asked again the model calls a tool instead.',
    async play (scene) {
      const gate = new Gate()
      const tools = [serverTool('add', () => 'added')]
      scene.model(text(['Once', gate, ' never told']), toolCalls([call('add', 'two')]), text('It is added.'))
      const first = await scene.live({ tools })
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      await first.crash()
      await scene.live({ tools })
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'takeover-mid-calls': {
    about: 'The server dies while the model makes a call, after some words: the whole turn is asked for again.',
    async play (scene) {
      const turn = toolCalls([call('add', 'two')], { textBefore: 'Let me see.' })
      const { gate, reply } = gatedBeforeEnd(turn)
      const tools = [serverTool('add', () => 'added')]
      scene.model(reply, turn, text('It is added.'))
      const first = await scene.live({ tools })
      const { reader, run } = await scene.begin()
      for (let deltas = 0; deltas < 2; deltas++) await reader.until('thread.run.step.delta')
      await gate.reached()
      await first.crash()
      await scene.live({ tools })
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'takeover-mid-tools': {
    about: 'The server dies when the calls were made, and one tool of two has answered: the model is not asked again, nor is that tool.',
    async play (scene) {
      const gate = new Gate()
      const ran: string[] = []
      const tools = [
        serverTool('quick', () => { ran.push('quick'); return 'q' }),
        serverTool('slow', async () => { ran.push('slow'); await gate.pass(); return 's' })
      ]
      scene.model(toolCalls([call('quick'), call('slow')], HUNDRED), text('Done.', HUNDRED))
      const first = await scene.live({ tools })
      const { reader, run } = await scene.begin()
      for (let deltas = 0; deltas < 6; deltas++) await reader.until('thread.run.step.delta')
      await gate.reached()
      while ((await scene.steps(run)).data[0].step_details.tool_calls[0]?.function.output !== 'q');
      await first.crash()
      gate.open(Infinity)
      await scene.live({ tools })
      await (await scene.join(run)).all()
      await scene.leave(run)
      scene.note({ 'tools that ran': ran })
    }
  },

  'takeover-mid-search': {
    about: 'The server dies when a search has its results but its step is not kept yet: the search is made again.',
    async play (scene) {
      scene.model(toolCalls([find('penguins')], HUNDRED), text('South【0:0†birds.md】.', HUNDRED))
      const first = await scene.live()
      const assistant = await searching(scene)
      const end = first.hold(items => items.some(item => item.op === 'put' && item.kind === 'step' && (item.body as { status: string }).status === 'completed'))
      const { reader, run } = await scene.begin({}, assistant, `?${INCLUDE}`)
      await reader.until('thread.run.step.delta')
      await end.reached()
      const dead = first.crash()
      end.open()
      await dead
      await scene.live()
      await (await scene.join(run)).all()
      await scene.leave(run, { include: true })
    }
  },

  'takeover-second-turn': {
    about: 'The server dies within the answer to a tool: the turn before it is not repeated, and paid for once.',
    async play (scene) {
      const gate = new Gate()
      const tools = [serverTool('add', () => 'added')]
      scene.model(toolCalls([call('add', 'two')], HUNDRED), text(['It is', gate, ' never told']), text('It is added.', HUNDRED))
      const first = await scene.live({ tools })
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      await first.crash()
      await scene.live({ tools })
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'takeover-requires-action': {
    about: 'The server dies while the run waits for the client: a late reader is told the events from the records, and the outputs are taken.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), call('weather', 'Oslo')], { textBefore: 'Let me see.' }), text('Sun and rain.'))
      const first = await scene.live()
      const run = await scene.run({}, WEATHER)
      await first.crash()
      await scene.live()
      const late = await scene.join(run)
      await late.all()
      const waiting = await scene.join(run, late.frames.at(-1)!.id)
      const submitted = await scene.submit(run, { call_weather_Oslo: 'rain', call_weather_Rome: 'sun' })
      await submitted.all()
      await waiting.all()
      await scene.leave(run)
    }
  },

  'takeover-requires-action-expired': {
    about: 'The server dies while the run waits for the client, and the run expires in the next life. KNOWN FAULT: a reader who joins then is told its end alone.',
    async play (scene) {
      scene.model(toolCalls([call('weather')]))
      const first = await scene.live()
      const run = await scene.run({}, WEATHER)
      await first.crash()
      const { clock } = await scene.live()
      await clock.advance(540_000)
      await scene.leave(run)
      await (await scene.joinUnchecked(run)).all()
    }
  },

  'takeover-cancelling': {
    about: 'The server dies while the run is being cancelled: it is cancelled when the next life begins. KNOWN FAULT: a reader who joins then is told its end alone.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' never told']))
      const first = await scene.live()
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      const end = first.hold(movesRunTo('cancelled'))
      await scene.post(`${pathOf(run)}/cancel`)
      await end.reached()
      const dead = first.crash()
      end.open()
      await dead
      await scene.live()
      await scene.rested(run)
      await (await scene.joinUnchecked(run)).all()
      await scene.leave(run)
    }
  },

  'takeover-given-up': {
    about: 'A run whose server has died twice within its answer, and that may be taken over once, fails. KNOWN FAULT: a reader who joins then is told its end alone.',
    async play (scene) {
      const gate = new Gate()
      const limits = { maxTakeovers: 1 }
      scene.model(text(['Once', gate, ' never told']), text(['Twice', gate, ' never told']))
      const first = await scene.live({ limits })
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await first.crash()
      const second = await scene.live({ limits })
      const joined = await scene.join(run)
      await joined.until('thread.message.delta')
      await second.crash()
      await scene.live({ limits })
      await scene.rested(run)
      await (await scene.joinUnchecked(run)).all()
      await scene.leave(run)
    }
  }
}
