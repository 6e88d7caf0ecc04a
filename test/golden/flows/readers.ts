import { drop, Gate, text, toolCalls } from '../../helpers/upstream.js'
import { INCLUDE, pathOf, type Flows } from '../scene.js'
import { find, searching } from './search.js'
import { call, clientTool } from './tools.js'

const WEATHER = { tools: [clientTool('weather')] }

/** Readers beside the one who has created the run. */
export const readers: Flows = {
  'joined-mid-run': {
    about: 'Two readers join within the answer, one from the beginning and one behind an event, and all three read on to the end.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' upon a time']))
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      const joined = [await scene.join(run), await scene.join(run, await scene.idOf(run, 3))]
      for (const each of joined) await each.until('thread.message.delta')
      gate.open()
      for (const each of [reader, ...joined]) await each.all()
      await scene.leave(run)
    }
  },

  'joined-polled-run': {
    about: 'A run that nobody streams is joined.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text([gate, 'Once upon a time']))
      const run = await scene.create()
      await gate.reached()
      const joined = await scene.join(run)
      await joined.until('thread.run.in_progress')
      gate.open()
      await joined.all()
      await scene.leave(run)
    }
  },

  'joined-second-stretch': {
    about: 'A reader who has joined while the run waits for the client is told what comes of the outputs; another one gets the first stretch.',
    async play (scene) {
      scene.model(toolCalls([call('weather')]), text('Sun.'))
      const { reader, run } = await scene.begin({}, WEATHER)
      await reader.all()
      const first = await scene.join(run)
      await first.all()
      const second = await scene.join(run, first.frames.at(-1)!.id)
      const submitted = await scene.submit(run, { call_weather_Rome: 'sun' })
      await submitted.all()
      await second.all()
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'reader-leaves': {
    about: 'The reader leaves within the answer; the run goes on to its end.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' upon a time']))
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      await reader.leave()
      gate.open()
      await scene.leave(run)
    }
  },

  'late-plain': {
    about: 'A reader comes when the events are gone: they are told from the records, and again behind one of them.',
    async play (scene) {
      scene.model(text(['First', ' this.', { delta: { refusal: 'No' } }, { delta: { refusal: ' more.' } }]))
      const run = await scene.run()
      await scene.forget(run)
      const late = await scene.join(run)
      await late.all()
      await (await scene.join(run, late.frames.at(4)!.id)).all()
      await scene.leave(run)
    }
  },

  'late-tools': {
    about: 'The events of a run with two turns of calls, told from the records.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), { name: 'weather', arguments: '', id: 'call_bare' }], { textBefore: 'Let me see.' }), toolCalls([call('weather', 'Oslo')]), text('Sun and rain.'))
      const run = await scene.run({}, WEATHER)
      await (await scene.submit(run, { call_weather_Rome: 'sun', call_bare: 'none' })).all()
      await (await scene.submit(run, { call_weather_Oslo: 'rain' })).all()
      await scene.forget(run)
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'late-search': {
    about: 'The events of a run with two searches and citations, told from the records, without the text of results.',
    async play (scene) {
      scene.model(toolCalls([find('penguins'), find('sharks')]), text(['South【0:0†birds.md】', ' and sea【1:0†fish.md】.']))
      const run = await scene.run({}, await searching(scene))
      await scene.forget(run)
      await (await scene.join(run)).all()
      await scene.leave(run, { include: true })
    }
  },

  'late-search-include': {
    about: 'The same with the text of results, as the creator of the run has asked for it, and with a function among the calls.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), find('penguins')]), text('South【0:0†birds.md】.'))
      const run = await scene.run({}, await searching(scene, clientTool('weather')), `?${INCLUDE}`)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.forget(run)
      await (await scene.join(run)).all()
      await scene.leave(run, { include: true })
    }
  },

  'late-cancelled': {
    about: 'The events of a run that was cancelled within its answer, told from the records.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' upon a time']))
      const { reader, run } = await scene.begin()
      await reader.until('thread.message.delta')
      await gate.reached()
      await scene.post(`${pathOf(run)}/cancel`)
      await reader.all()
      await scene.forget(run)
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  },

  'late-failed': {
    about: 'The events of a run that failed within a call, told from the records.',
    async play (scene) {
      scene.model(drop(toolCalls([call('weather')], { textBefore: 'Let me see.' }), 5))
      const run = await scene.run({}, WEATHER)
      await scene.forget(run)
      await (await scene.join(run)).all()
      await scene.leave(run)
    }
  }
}
