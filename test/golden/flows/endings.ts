import { drop, error, Gate, text, toolCalls } from '../../helpers/upstream.js'
import { outputsOf, pathOf, type Flows } from '../scene.js'
import { call, clientTool, gatedBeforeEnd, serverTool } from './tools.js'
import { find, searching } from './search.js'

const WEATHER = { tools: [clientTool('weather')] }
const EXPIRES_MS = 600_000
/** What a vendor counts for one turn. */
const HUNDRED = { prompt_tokens: 60, completion_tokens: 40, total_tokens: 100 }

/** Runs that come to another end than their completion. */
export const endings: Flows = {
  'incomplete-length': {
    about: 'The answer is cut off at max_completion_tokens.',
    async play (scene) {
      scene.model(text('Hello world', { finish: 'length' }))
      await scene.leave(await scene.run({ max_completion_tokens: 300 }))
    }
  },

  'incomplete-content-filter': {
    about: 'The answer is cut off by the content filter.',
    async play (scene) {
      scene.model(text('Hello world', { finish: 'content_filter' }))
      await scene.leave(await scene.run())
    }
  },

  'incomplete-calls': {
    about: 'A call is cut off at max_completion_tokens.',
    async play (scene) {
      scene.model(toolCalls([call('weather')], { finish: 'length', textBefore: 'Let me see.' }))
      await scene.leave(await scene.run({ max_completion_tokens: 300 }, WEATHER))
    }
  },

  'incomplete-between-turns': {
    about: 'The first turn has spent all completion tokens of the run: there is no second.',
    async play (scene) {
      scene.model(toolCalls([call('weather')], { usage: { prompt_tokens: 10, completion_tokens: 300, total_tokens: 310 } }))
      const run = await scene.run({ max_completion_tokens: 300 }, WEATHER)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run)
    }
  },

  'incomplete-prompt': {
    about: 'The second prompt would be longer than what is left of max_prompt_tokens.',
    async play (scene) {
      scene.model(toolCalls([call('weather')], { usage: { prompt_tokens: 280, completion_tokens: 10, total_tokens: 290 } }))
      const run = await scene.run({ max_prompt_tokens: 300 }, WEATHER)
      await (await scene.submit(run, { call_weather_Rome: 'sun '.repeat(100) })).all()
      await scene.leave(run)
    }
  },

  'budget-of-turns': {
    about: 'What the turns of a run spend counts against its budget: the second turn is given what the first has left.',
    async play (scene) {
      scene.model(toolCalls([call('weather')], { usage: HUNDRED }), text('Sun.', { usage: { ...HUNDRED, prompt_tokens_details: { cached_tokens: 7 } } }))
      const run = await scene.run({ max_completion_tokens: 300, max_prompt_tokens: 300 }, WEATHER)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run)
    }
  },

  'failed-at-once': {
    about: 'The model fails before it has said a word.',
    async play (scene) {
      scene.model(error(500))
      await scene.leave(await scene.run())
    }
  },

  'failed-rate-limit': {
    about: 'The vendor of the model takes no more requests.',
    async play (scene) {
      scene.model(error(429, 'Too many requests.'))
      await scene.leave(await scene.create())
    }
  },

  'failed-mid-text': {
    about: 'The model breaks off within its answer.',
    async play (scene) {
      scene.model(drop(text('Once upon a time'), 2))
      await scene.leave(await scene.run())
    }
  },

  'failed-mid-calls': {
    about: 'The model breaks off within a call, after some words.',
    async play (scene) {
      scene.model(drop(toolCalls([call('weather')], { textBefore: 'Let me see.' }), 5))
      await scene.leave(await scene.run({}, WEATHER))
    }
  },

  'failed-in-second-turn': {
    about: 'The model fails when it is given the outputs.',
    async play (scene) {
      scene.model(toolCalls([call('weather')]), error(429, 'Too many requests.'))
      const run = await scene.run({}, WEATHER)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run)
    }
  },

  'failed-reported': {
    about: 'The model ends its answer by saying that it has failed.',
    async play (scene) {
      scene.model(text('Hello world', { finish: 'error' }))
      await scene.leave(await scene.run())
    }
  },

  'failed-too-many-turns': {
    about: 'A model that does nothing but call tools is stopped.',
    async play (scene) {
      await scene.own({ limits: { maxModelTurns: 2 }, tools: [serverTool('add', () => 'more')] })
      scene.model(toolCalls([call('add', 'one')]), toolCalls([call('add', 'two')]))
      await scene.leave(await scene.run())
    }
  },

  'cancelled-mid-text': {
    about: 'A run is cancelled within its answer. Once it has ended it cannot be cancelled any more.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', ' upon', gate, ' a time']))
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await reader.until('thread.message.delta')
      await gate.reached()
      await scene.post(`${pathOf(run)}/cancel`)
      await reader.all()
      await scene.leave(run)
      await scene.post(`${pathOf(run)}/cancel`)
    }
  },

  'cancelled-before-text': {
    about: 'A run is cancelled before its model has said a word.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text([gate, 'Once']))
      const { reader, run } = await scene.begin()
      await reader.until('thread.run.in_progress')
      await gate.reached()
      await scene.post(`${pathOf(run)}/cancel`)
      await reader.all()
      await scene.leave(run)
    }
  },

  'cancelled-mid-calls': {
    about: 'A run is cancelled while the model makes its second call.',
    async play (scene) {
      const { gate, reply } = gatedBeforeEnd(toolCalls([call('weather'), call('weather', 'Oslo')], { textBefore: 'Wait.' }))
      scene.model(reply)
      const { reader, run } = await scene.begin({}, WEATHER)
      for (let deltas = 0; deltas < 5; deltas++) await reader.until('thread.run.step.delta')
      await gate.reached()
      await scene.post(`${pathOf(run)}/cancel`)
      await reader.all()
      await scene.leave(run)
    }
  },

  'cancelled-while-tool-runs': {
    about: 'A run is cancelled while a tool of the server works.',
    async play (scene) {
      const gate = new Gate()
      await scene.own({ tools: [serverTool('slow', async () => await gate.pass())] })
      scene.model(toolCalls([call('slow')]))
      const { reader, run } = await scene.begin()
      for (let deltas = 0; deltas < 3; deltas++) await reader.until('thread.run.step.delta')
      await gate.reached()
      await scene.post(`${pathOf(run)}/cancel`)
      await reader.all()
      await scene.leave(run)
    }
  },

  'cancelled-requires-action': {
    about: 'A run is cancelled while it waits for the client; a reader who has joined learns of it.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), call('weather', 'Oslo')]))
      const { reader, run } = await scene.begin({}, WEATHER)
      await reader.all()
      const joined = await scene.join(run, await scene.idOf(run, reader.frames.length - 1))
      await scene.post(`${pathOf(run)}/cancel`)
      await joined.all()
      await scene.leave(run)
      await scene.post(`${pathOf(run)}/submit_tool_outputs`, outputsOf({ call_weather_Rome: 'late', call_weather_Oslo: 'late' }))
    }
  },

  'cancelled-requires-action-search': {
    about: 'A run is cancelled while it waits for the client, with a search in the same step that has its results.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), find('penguins')]))
      const { reader, run } = await scene.begin({}, await searching(scene, clientTool('weather')))
      await reader.all()
      const joined = await scene.join(run, await scene.idOf(run, reader.frames.length - 1))
      await scene.post(`${pathOf(run)}/cancel`)
      await joined.all()
      await scene.leave(run, { include: true })
    }
  },

  'expired-requires-action': {
    about: 'A run expires while it waits for the client; a reader who has joined learns of it.',
    async play (scene) {
      const { clock } = await scene.own()
      scene.model(toolCalls([call('weather')]))
      const { reader, run } = await scene.begin({}, WEATHER)
      await reader.all()
      const joined = await scene.join(run, await scene.idOf(run, reader.frames.length - 1))
      await clock.advance(EXPIRES_MS)
      await joined.all()
      await scene.leave(run)
      await scene.post(`${pathOf(run)}/submit_tool_outputs`, outputsOf({ call_weather_Rome: 'late' }))
    }
  },

  'expired-mid-text': {
    about: 'A run expires within its answer.',
    async play (scene) {
      const { clock } = await scene.own()
      const gate = new Gate()
      scene.model(text(['Once', gate, ' upon a time']))
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      await clock.advance(EXPIRES_MS)
      await reader.all()
      await scene.leave(run)
    }
  }
}
