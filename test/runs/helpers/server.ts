import type { Test } from 'tap'
import { newAssistant, newThread, startServer, stopped, type TestServer, type TestServerOptions } from '../../helpers/server.js'
import { GatedStore, movesRunTo } from './gated-store.js'

export interface GatedServer extends TestServer {
  store: GatedStore
  /** A run on a new thread with one message. `fields` go into the request, `assistant` into the assistant. */
  run (fields?: object, assistant?: object): Promise<any>
  /** The run as it is now. */
  look (run: { id: string, thread_id: string }): Promise<any>
  /** Waits until the run has ended or asks for outputs. */
  rest (run: { id: string, thread_id: string }): Promise<any>
  /** Resolves once the write that gives a run this status waits; `open()` lets it through. */
  hold (status: string): { reached (): Promise<void>, open (): void }
}

/** A server whose moves between two statuses a test can hold back. */
export async function startGatedServer (t: Test, options: TestServerOptions = {}): Promise<GatedServer> {
  const store = new GatedStore()
  const server = await startServer(t, { storage: store, ...options })
  t.teardown(() => store.openAll())
  return {
    ...server,
    store,
    async run (fields = {}, assistant = {}) {
      const { id } = await newAssistant(server, assistant)
      const thread = await newThread(server, 'Hello?')
      const { status, body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: id, ...fields })
      if (status !== 200) throw new Error(JSON.stringify(body))
      return body
    },
    async look (run) { return (await server.get(pathOf(run))).body },
    async rest (run) { return await stopped(server, run) },
    hold: status => store.hold(movesRunTo(status))
  }
}

export const pathOf = (run: { id: string, thread_id: string }): string => `/threads/${run.thread_id}/runs/${run.id}`

/** A function that the client answers. */
export const clientTool = (name: string) => ({ type: 'function' as const, function: { name, parameters: { type: 'object', properties: {} } } })

/** Outputs for everything that the run asks for. */
export function outputsFor (run: any, output: string | ((name: string) => string) = 'ok'): { tool_call_id: string, output: string }[] {
  return run.required_action.submit_tool_outputs.tool_calls.map((call: any) => ({
    tool_call_id: call.id,
    output: typeof output === 'string' ? output : output(call.function.name)
  }))
}
