import type { Run } from '../../../schemas/runs.js'
import type { ModelMessage, ModelRequest, ModelResponseFormat, ModelTool, ModelToolChoice } from '../../models/provider.js'

/** What one model call of a run is made of, beside the run's own parameters. */
export interface TurnInput {
  /** The provider's name of the model. */
  model: string
  messages: ModelMessage[]
  tools: ModelTool[]
  /** Whether it is the run's first call: a forced tool choice holds for that one only, else the run would never end. */
  first: boolean
  /** Tokens that this call may produce. */
  maxCompletionTokens: number | undefined
}

/** A run's parameters as one model call. */
export function modelRequest (run: Run, { model, messages, tools, first, maxCompletionTokens }: TurnInput): ModelRequest {
  const request: ModelRequest = { model, messages }
  // 1 is what every vendor does anyway, and reasoning models refuse to be told.
  if (run.temperature !== 1) request.temperature = run.temperature
  if (run.top_p !== 1) request.topP = run.top_p
  if (tools.length > 0) {
    request.tools = tools
    request.toolChoice = toolChoice(run.tool_choice, first)
    request.parallelToolCalls = run.parallel_tool_calls
  }
  if (run.reasoning_effort !== null) request.reasoningEffort = run.reasoning_effort
  const format = responseFormat(run.response_format)
  if (format !== undefined) request.responseFormat = format
  if (maxCompletionTokens !== undefined) request.maxCompletionTokens = maxCompletionTokens
  return request
}

function toolChoice (choice: Run['tool_choice'], first: boolean): ModelToolChoice {
  if (choice === 'none') return 'none'
  if (!first) return 'auto'
  if (typeof choice === 'string') return choice
  if (choice.type === 'file_search') return { name: choice.type }
  return choice.type === 'function' && choice.function !== undefined ? { name: choice.function.name } : 'auto'
}

function responseFormat (format: Run['response_format']): ModelResponseFormat | undefined {
  if (format === 'auto' || format.type === 'text') return undefined
  if (format.type === 'json_object') return { type: 'json_object' }
  const { name, description, schema, strict } = format.json_schema
  return { type: 'json_schema', name, ...(description === undefined ? {} : { description }), ...(schema === undefined ? {} : { schema }), ...(strict == null ? {} : { strict }) }
}
