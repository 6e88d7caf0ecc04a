import { text, toolCalls } from '../../helpers/upstream.js'
import { pathOf, type Flow } from '../scene.js'

/** A function that the client answers. */
export const clientTool = (name: string): object => ({
  type: 'function',
  function: { name, description: `The ${name}.`, parameters: { type: 'object', properties: { of: { type: 'string' } }, required: ['of'] } }
})

const TWO_CALLS = [
  { name: 'weather', arguments: { of: 'Rome' }, id: 'call_weather' },
  { name: 'time', arguments: { of: 'Oslo' }, id: 'call_time' }
]
const BOTH = { tools: [clientTool('weather'), clientTool('time')] }

/** Runs in which the model calls functions. */
export const tools: Record<string, Flow> = {
  'tools-two-calls': {
    about: 'Two functions are called in one turn; the client answers both, streamed.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(toolCalls(TWO_CALLS), text('Sunny at noon.'))
      const reader = await scene.run({}, BOTH)
      const run = await reader.until('thread.run.requires_action')
      await reader.all()
      await (await scene.stream(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_time', output: 'noon' }, { tool_call_id: 'call_weather', output: 'sun' }] })).all()
      await scene.leave(run)
    }
  }
}
