import type { Test } from 'tap'
import type { CodeInterpreterOptions } from '../../../lib/options/code-interpreter.js'
import { PyodideSandbox } from '../../../lib/sandbox/pyodide/pyodide.js'
import { newestSdk, sdks, type Sdk } from '../../helpers/sdk.js'
import { newAssistant, newThread, startServer, stopped, type TestServer, type TestServerOptions } from '../../helpers/server.js'
import { toolCalls, type ToolCallOptions, type UpstreamReply } from '../../helpers/upstream-replies.js'
import { bubblewrapSkip, pyodideSkip } from '../../sandbox/helpers/available.js'

/** A sandbox that code is run in by the tests of the tool. */
export interface Place {
  name: string
  skip: string | false
  option: CodeInterpreterOptions
}

/** The sandboxes of this machine; those that do not work here with the reason. */
export async function places (): Promise<Place[]> {
  return [{ name: 'bubblewrap', skip: await bubblewrapSkip(), option: { backend: 'bubblewrap' } }, { name: 'pyodide', skip: await pyodideSkip(), option: { backend: pyodide } }]
}

/** The strongest that works here, for what takes long; all of them with `SANDBOXES=all`, as the soak has it. */
export async function somePlaces (): Promise<Place[]> {
  const all = await places()
  return process.env.SANDBOXES === 'all' ? all : [all.find(({ skip }) => skip === false) ?? all[0]!]
}

/** The newest SDK, for what takes long; all of them with `SANDBOXES=all`. */
export const someSdks: readonly Sdk[] = process.env.SANDBOXES === 'all' ? sdks : [newestSdk]

/** A model's call of the tool, for each code. */
export const python = (codes: string | string[], options: ToolCallOptions = {}): UpstreamReply =>
  toolCalls([codes].flat().map((code, i) => ({ name: 'python', arguments: { code }, id: `call_${i + 1}_${code.length}` })), options)

/** One for all servers: the memory that its sessions begin with takes seconds to make. */
const pyodide = new PyodideSandbox()

export interface Coder {
  server: TestServer
  assistant: any
  thread: any
  /** A run on the thread, once it has stopped, and its steps and messages, oldest first. */
  run (fields?: object): Promise<{ run: any, steps: any[], messages: any[] }>
}

/** A server whose assistant has the tool, and a thread. */
export async function coder (t: Test, place: Place, options: TestServerOptions & { limits?: CodeInterpreterOptions['limits'], assistant?: object } = {}): Promise<Coder> {
  const { limits, assistant: fields, ...rest } = options
  const server = await startServer(t, { codeInterpreter: { ...place.option, ...limits === undefined ? {} : { limits } }, ...rest })
  const assistant = await newAssistant(server, { tools: [{ type: 'code_interpreter' }], ...fields })
  const thread = await newThread(server, 'Calculate!')
  return {
    server,
    assistant,
    thread,
    async run (fields = {}) {
      const { status, body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
      const run = await stopped(server, body)
      return { run, ...await whatIsIn(server, run) }
    }
  }
}

export async function whatIsIn (server: Pick<TestServer, 'get'>, run: { id: string, thread_id: string }): Promise<{ steps: any[], messages: any[] }> {
  const [steps, messages] = await Promise.all([
    server.get(`/threads/${run.thread_id}/runs/${run.id}/steps?order=asc`),
    server.get(`/threads/${run.thread_id}/messages?order=asc&run_id=${run.id}`)
  ])
  return { steps: steps.body.data, messages: messages.body.data }
}

/** What the model read of its last calls. */
export function toolOutputs (server: TestServer): string[] {
  const { messages } = server.upstream.chats.at(-1)!.body as { messages: { role: string, content: string }[] }
  return messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1).map(({ content }) => content)
}

/** The calls of a step of calls. */
export const callsIn = (step: any): any[] => step.step_details.tool_calls
