import { Type, type Static } from '@sinclair/typebox'
import { closedObject, Id, Metadata, MetadataParam, ModelName, nullable, UnixTime } from './common.js'
import { AssistantTool, AssistantToolsParam, CreateToolResourcesParam, ReasoningEffort, ResponseFormat, ToolResources, ToolResourcesParam } from './tools.js'

/** API reference, "The assistant object". All keys are always there. */
export const Assistant = Type.Object({
  id: Type.String(),
  object: Type.Literal('assistant'),
  created_at: UnixTime,
  name: nullable(Type.String()),
  description: nullable(Type.String()),
  model: Type.String(),
  instructions: nullable(Type.String()),
  tools: Type.Array(AssistantTool),
  top_p: Type.Number(),
  temperature: Type.Number(),
  reasoning_effort: ReasoningEffort,
  tool_resources: ToolResources,
  metadata: Metadata,
  response_format: ResponseFormat
})
export type Assistant = Static<typeof Assistant>

/** The model's settings, which a run may override. Null is the default: 1 for both numbers. */
export const samplingParams = {
  temperature: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 2 }))),
  top_p: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 1 })))
}

const assistantParams = {
  name: Type.Optional(nullable(Type.String({ maxLength: 256 }))),
  description: Type.Optional(nullable(Type.String({ maxLength: 512 }))),
  instructions: Type.Optional(nullable(Type.String({ maxLength: 256_000 }))),
  reasoning_effort: Type.Optional(ReasoningEffort),
  tools: Type.Optional(AssistantToolsParam),
  metadata: Type.Optional(MetadataParam),
  ...samplingParams,
  response_format: Type.Optional(nullable(ResponseFormat))
}

/** `POST /assistants`. */
export const CreateAssistantRequest = closedObject({
  model: ModelName,
  ...assistantParams,
  tool_resources: Type.Optional(nullable(CreateToolResourcesParam))
})
export type CreateAssistantRequest = Static<typeof CreateAssistantRequest>

/** `POST /assistants/{assistant_id}`: an absent key stays as it is, a given one replaces the whole value. */
export const UpdateAssistantRequest = closedObject({
  model: Type.Optional(ModelName),
  ...assistantParams,
  tool_resources: Type.Optional(nullable(ToolResourcesParam))
})
export type UpdateAssistantRequest = Static<typeof UpdateAssistantRequest>

/** The path of one assistant. */
export const AssistantParams = closedObject({ assistant_id: Id('asst') })
export type AssistantParams = Static<typeof AssistantParams>
