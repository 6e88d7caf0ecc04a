import type { Run } from '../../../schemas/runs.js'
import type { ModelRequest, ModelResponseFormat, ModelToolChoice } from '../../models/provider.js'
import type { TurnRequest } from '../../runs/dialect.js'

/** A run's parameters as one model call. */
export function modelRequest (run: Run, { model, messages, tools, toolName, isFirst, maxCompletionTokens }: TurnRequest): ModelRequest {
  const request: ModelRequest = { model, messages }
  // 1 is every vendor's default, and reasoning models refuse the parameter.
  if (run.temperature !== 1) request.temperature = run.temperature
  if (run.top_p !== 1) request.topP = run.top_p
  if (tools.length > 0) {
    request.tools = tools
    request.toolChoice = toolChoice(run.tool_choice, { tools, isFirst, toolName })
    request.parallelToolCalls = run.parallel_tool_calls
  }
  if (run.reasoning_effort !== null) request.reasoningEffort = run.reasoning_effort
  const format = responseFormat(run.response_format)
  if (format !== undefined) request.responseFormat = format
  if (maxCompletionTokens !== undefined) request.maxCompletionTokens = maxCompletionTokens
  return request
}

function toolChoice (choice: Run['tool_choice'], { tools, isFirst, toolName }: Pick<TurnRequest, 'tools' | 'isFirst' | 'toolName'>): ModelToolChoice {
  if (choice === 'none') return 'none'
  if (!isFirst) return 'auto'
  if (typeof choice === 'string') return choice
  // A declared function of the tool's name has taken its place.
  const name = choice.type === 'function' ? choice.function.name : toolName(choice.type) ?? tools.find(tool => tool.name === choice.type)?.name
  return name === undefined ? 'auto' : { name }
}

function responseFormat (format: Run['response_format']): ModelResponseFormat | undefined {
  if (format === 'auto' || format.type === 'text') return undefined
  if (format.type === 'json_object') return { type: 'json_object' }
  const { name, description, schema, strict } = format.json_schema
  return { type: 'json_schema', name, ...(description === undefined ? {} : { description }), ...(schema === undefined ? {} : { schema }), ...(strict == null ? {} : { strict }) }
}
