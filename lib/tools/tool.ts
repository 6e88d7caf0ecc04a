import type { AssistantTool } from '../../schemas/tools.js'
import type { ModelTool } from '../models/provider.js'

/** What a tool learns of the run that calls it. */
export interface ToolContext {
  runId: string
  threadId: string
  assistantId: string
  /** Aborted when the run is cancelled or expires, or the call takes too long. */
  signal: AbortSignal
}

export interface ToolInvocation {
  id: string
  name: string
  /** JSON text as the model wrote it, valid or not. */
  arguments: string
}

/** The run engine's view of the tools that this server runs itself. */
export interface ToolRunner {
  /** The tools to show the model: those that the run declares, and those that the server adds. */
  offered (declared: readonly AssistantTool[]): ModelTool[]
  /** Whether calls of this name are answered here; else the client answers them. */
  runsHere (name: string): boolean
  /** The output for the model. Never throws: a failure is an output too. */
  execute (call: ToolInvocation, context: ToolContext): Promise<string>
}

/** Functions that a run declares, as the model sees them. */
export function declaredFunctions (declared: readonly AssistantTool[]): ModelTool[] {
  return declared.flatMap(tool => tool.type === 'function' ? [tool.function] : [])
}

/** A server with no tools of its own: every call goes to the client. */
export const clientToolsOnly: ToolRunner = {
  offered: declaredFunctions,
  runsHere: () => false,
  execute: async call => `Error: there is no tool named ${call.name}.`
}
