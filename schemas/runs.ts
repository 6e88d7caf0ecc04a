import { Type, type Static } from '@sinclair/typebox'
import { samplingParams } from './assistants.js'
import { closedObject, Id, IdParam, literals, Metadata, MetadataParam, ModelName, nullable, UnixTime } from './common.js'
import { CreateMessageRequest, TEXT_LENGTH } from './messages.js'
import { CreateThreadRequest } from './threads.js'
import { AssistantTool, AssistantToolsParam, ReasoningEffort, ResponseFormat, ToolChoice, ToolResources, ToolResourcesParam } from './tools.js'

/** Every status of a run; `lib/runs/state.ts` has the moves between them. */
export const RUN_STATUSES = [
  'queued', 'in_progress', 'requires_action', 'cancelling', 'cancelled', 'failed', 'completed', 'incomplete', 'expired'
] as const

/** Where a run is in its life (API reference, "Run lifecycle"). */
export const RunStatus = literals(RUN_STATUSES)
export type RunStatus = Static<typeof RunStatus>

/** A function call that waits for its output. `arguments` is JSON text as the model wrote it, valid or not. */
export const ToolCall = Type.Object({
  id: Type.String(),
  type: Type.Literal('function'),
  function: Type.Object({
    name: Type.String(),
    arguments: Type.String()
  })
})
export type ToolCall = Static<typeof ToolCall>

/** What the client has to do before the run goes on. */
export const RequiredAction = Type.Object({
  type: Type.Literal('submit_tool_outputs'),
  submit_tool_outputs: Type.Object({ tool_calls: Type.Array(ToolCall) })
})
export type RequiredAction = Static<typeof RequiredAction>

/** Why a run failed. */
export const RunError = Type.Object({
  code: literals(['server_error', 'rate_limit_exceeded', 'invalid_prompt']),
  message: Type.String()
})
export type RunError = Static<typeof RunError>

/** Tokens used by a step or, summed up, by a run. The two spellings of "details" are the API's own. */
export const Usage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_token_details: Type.Object({ cached_tokens: Type.Integer() }),
  completion_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() })
})
export type Usage = Static<typeof Usage>

/** Why a run is `incomplete`. */
export const IncompleteDetails = Type.Object({ reason: literals(['max_completion_tokens', 'max_prompt_tokens', 'content_filter']) })
export type IncompleteDetails = Static<typeof IncompleteDetails>

/** How much of a thread the model reads: what fits, or the last messages. */
export const TruncationStrategy = closedObject({
  type: literals(['auto', 'last_messages']),
  last_messages: Type.Optional(nullable(Type.Integer({ minimum: 1 })))
})
export type TruncationStrategy = Static<typeof TruncationStrategy>

/** API reference, "The run object". All keys are always there. */
export const Run = Type.Object({
  id: Type.String(),
  object: Type.Literal('thread.run'),
  created_at: UnixTime,
  assistant_id: Type.String(),
  thread_id: Type.String(),
  status: RunStatus,
  started_at: nullable(UnixTime),
  expires_at: nullable(UnixTime),
  cancelled_at: nullable(UnixTime),
  failed_at: nullable(UnixTime),
  completed_at: nullable(UnixTime),
  required_action: nullable(RequiredAction),
  last_error: nullable(RunError),
  model: Type.String(),
  instructions: Type.String(),
  tools: Type.Array(AssistantTool),
  tool_resources: ToolResources,
  metadata: Metadata,
  temperature: Type.Number(),
  top_p: Type.Number(),
  reasoning_effort: ReasoningEffort,
  max_completion_tokens: nullable(Type.Integer()),
  max_prompt_tokens: nullable(Type.Integer()),
  truncation_strategy: Type.Object({
    type: literals(['auto', 'last_messages']),
    last_messages: nullable(Type.Integer())
  }),
  incomplete_details: nullable(IncompleteDetails),
  /** Null until the run has ended, so also while it waits for tool outputs. */
  usage: nullable(Usage),
  response_format: ResponseFormat,
  tool_choice: ToolChoice,
  parallel_tool_calls: Type.Boolean()
})
export type Run = Static<typeof Run>

// The specification asks for at least 256; the real service takes 16.
const MaxTokens = Type.Optional(nullable(Type.Integer({ minimum: 16 })))

/** Messages that a run adds to its thread. The number is ours. */
const MOST_ADDITIONAL = 100

const runParams = {
  model: Type.Optional(nullable(ModelName)),
  reasoning_effort: Type.Optional(ReasoningEffort),
  instructions: Type.Optional(nullable(Type.String({ maxLength: TEXT_LENGTH }))),
  additional_instructions: Type.Optional(nullable(Type.String({ maxLength: TEXT_LENGTH }))),
  additional_messages: Type.Optional(nullable(Type.Array(CreateMessageRequest, { maxItems: MOST_ADDITIONAL }))),
  tools: Type.Optional(nullable(AssistantToolsParam)),
  metadata: Type.Optional(MetadataParam),
  ...samplingParams,
  stream: Type.Optional(nullable(Type.Boolean())),
  max_prompt_tokens: MaxTokens,
  max_completion_tokens: MaxTokens,
  truncation_strategy: Type.Optional(nullable(TruncationStrategy)),
  tool_choice: Type.Optional(nullable(ToolChoice)),
  parallel_tool_calls: Type.Optional(nullable(Type.Boolean())),
  response_format: Type.Optional(nullable(ResponseFormat))
}

/** `POST /threads/{thread_id}/runs`. Null, or an absent key, is the assistant's own value or the default. */
export const CreateRunRequest = closedObject({
  assistant_id: Id('asst'),
  ...runParams
})
export type CreateRunRequest = Static<typeof CreateRunRequest>

/** `POST /threads/runs`. The specification has no `additional_*` and no `reasoning_effort` here; we take them. */
export const CreateThreadAndRunRequest = closedObject({
  assistant_id: Id('asst'),
  thread: Type.Optional(CreateThreadRequest),
  ...runParams,
  tool_resources: Type.Optional(nullable(ToolResourcesParam))
})
export type CreateThreadAndRunRequest = Static<typeof CreateThreadAndRunRequest>

/** `POST /threads/{thread_id}/runs/{run_id}`. */
export const UpdateRunRequest = closedObject({ metadata: Type.Optional(MetadataParam) })
export type UpdateRunRequest = Static<typeof UpdateRunRequest>

/** The answer to one tool call; both keys are optional in the specification. */
export const ToolOutput = closedObject({
  tool_call_id: Type.Optional(IdParam),
  output: Type.Optional(Type.String({ maxLength: 1_048_576 }))
})
export type ToolOutput = Static<typeof ToolOutput>

/** `POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs`. */
export const SubmitToolOutputsRequest = closedObject({
  /** A model cannot make as many calls in one turn. */
  tool_outputs: Type.Array(ToolOutput, { maxItems: 1000 }),
  stream: Type.Optional(nullable(Type.Boolean()))
})
export type SubmitToolOutputsRequest = Static<typeof SubmitToolOutputsRequest>

/** The path of one run. */
export const RunParams = closedObject({ thread_id: Id('thread'), run_id: Id('run') })
export type RunParams = Static<typeof RunParams>
