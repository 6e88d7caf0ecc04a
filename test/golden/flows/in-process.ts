import { createOpenAIAdapter, type StreamEvent } from '../../../lib/index.js'
import { ManualClock } from '../../helpers/clock.js'
import { startUpstream, text, toolCalls } from '../../helpers/upstream.js'
import { outputsOf, type Flows } from '../scene.js'
import { call, clientTool } from './tools.js'

async function all (events: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const read: StreamEvent[] = []
  for await (const event of events) read.push(event)
  return read
}

/** Runs without a server. */
export const inProcess: Flows = {
  'in-process': {
    about: 'The adapter reads a run with a function in process: the events as objects, in two stretches.',
    async play (scene) {
      const upstream = await startUpstream(scene.t, { script: [toolCalls([call('weather')], { textBefore: 'Let me see.' }), text('Sunny.')] })
      const adapter = createOpenAIAdapter({ baseURL: upstream.url, maxRetries: 0 }, { storage: scene.storage(), clock: new ManualClock() })
      scene.t.teardown(async () => await adapter.close())
      const assistant = await adapter.createAssistant({ model: 'test-model', instructions: 'Be brief.', tools: [clientTool('weather') as never] })
      const thread = await adapter.createThread()
      await adapter.addMessage(thread.id, { role: 'user', content: 'Hello?' })
      const first = await all(adapter.streamRun(thread.id, { assistant_id: assistant.id }))
      scene.note({ streamRun: thread.id, events: first })
      const { id } = first[0]!.data as { id: string }
      const request = outputsOf({ call_weather_Rome: 'sun' })
      scene.note({ streamToolOutputs: id, request, events: await all(adapter.streamToolOutputs(thread.id, id, request as never)) })
      scene.leaveWith({
        run: await adapter.retrieveRun(thread.id, id),
        getRun: adapter.getRun(thread.id, id),
        steps: await adapter.listRunSteps(thread.id, id, { order: 'asc' }),
        messages: await adapter.listMessages(thread.id, { order: 'asc' }),
        model: upstream.chats.map(({ body }) => body)
      })
    }
  }
}
