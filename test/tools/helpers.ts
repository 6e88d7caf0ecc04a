import type { Test } from 'tap'
import type { ServerTool } from '../../lib/tools/tool.js'
import { newAssistant, newThread, startServer, stopped, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { text, toolCalls, type ScriptedCall } from '../helpers/upstream.js'

export interface Outcome {
  server: TestServer
  run: any
  /** The functions that the model was shown. */
  shown: any[]
  /** What the model was told of each call in the second turn. */
  outputs: string[]
  /** The steps of the run, oldest first. */
  steps: any[]
}

export interface CallOptions extends TestServerOptions {
  /** Fields of the run. */
  run?: object
}

/** A server with these tools, and a run whose model makes these calls in its first turn and says "Done" in its second. */
export async function callTools (t: Test, tools: readonly ServerTool<any>[], calls: ScriptedCall[], options: CallOptions = {}): Promise<Outcome> {
  const { run: fields, ...rest } = options
  const server = await startServer(t, { tools, script: [toolCalls(calls), text('Done')], ...rest })
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello?')
  const { body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })
  return await outcome(server, body)
}

/** The run once it rests, and what its model was told. */
export async function outcome (server: TestServer, started: any): Promise<Outcome> {
  const run = await stopped(server, started)
  const [first, second] = server.upstream.chats
  const { body } = await server.get(`/threads/${run.thread_id}/runs/${run.id}/steps?order=asc`)
  return {
    server,
    run,
    shown: first?.body.tools?.map((tool: any) => tool.function) ?? [],
    outputs: second?.body.messages.filter(({ role }: any) => role === 'tool').map(({ content }: any) => content) ?? [],
    steps: body.data
  }
}

/** Outputs as the last step of calls shows them. */
export function stepOutputs (steps: any[]): (string | null)[] {
  return steps.findLast(step => step.type === 'tool_calls').step_details.tool_calls.map((call: any) => call.function.output)
}
