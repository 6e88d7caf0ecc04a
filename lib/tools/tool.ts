import type { ModelTool } from '../models/provider.js'
import type { ToolDeclaration } from './built-in-tool.js'

/** What a tool learns of the run that calls it. */
export interface ToolContext {
  /** The project whose run it is: that of the caller's key. */
  project: string
  /** The run's metadata, as its client has set it: not to be trusted for what a client may do. */
  metadata: Readonly<Record<string, string>>
  runId: string
  threadId: string
  /** The assistant's id, under the name that Cogitator tools know. */
  agentId: string
  /** Aborted when the run is cancelled, expires or fails, or the call takes too long. */
  signal: AbortSignal
}

/** A call as the model made it. */
export interface ToolInvocation {
  id: string
  name: string
  /** JSON text, valid or not. */
  arguments: string
}

/**
 * A function that this server runs itself. A Cogitator tool object fits as it is.
 *
 * @typeParam Args what `parameters` describes.
 */
export interface ServerTool<Args = never> {
  /** 1 to 64 letters, digits, underscores and dashes. */
  name: string
  description?: string
  /** A JSON Schema (a TypeBox schema is one), or a Zod 4 schema. Arguments that do not fit are answered with what is wrong. */
  parameters: object
  /** What it returns is the tool's output: a string as it is, anything else as JSON. What it throws becomes an output too. */
  execute (args: Args, context: ToolContext): unknown
  /** Time limit of one call in milliseconds, instead of the server's. */
  timeout?: number
  /** Whether a call goes to the client as `requires_action` instead of being run. */
  requiresApproval?: boolean | ((args: Args) => boolean | Promise<boolean>)
  /** The projects whose runs have the tool; for those of others it does not exist. Default: all. */
  projects?: readonly string[]
  /** Name, description and JSON Schema, where `parameters` is not one itself. */
  toJSON? (): { name: string, description?: string, parameters: object }
}

/** The run engine's view of functions: those that this server runs, and those that the client does. */
export interface FunctionRunner {
  /** The functions to show the model: those that the run declares, and those that the server adds. */
  offered (declared: readonly ToolDeclaration[], project: string): ModelTool[]
  /** Whether the call is answered here; else the client answers it. */
  runsHere (call: ToolInvocation, declared: readonly ToolDeclaration[], project: string): Promise<boolean>
  /** The output for the model. Never throws but the reason of an aborted signal: a failure is an output too. */
  execute (call: ToolInvocation, declared: readonly ToolDeclaration[], context: ToolContext): Promise<string>
}
