import { Type, type Static } from '@sinclair/typebox'
import { closedObject, Id, Metadata, MetadataParam, nullable, UnixTime } from './common.js'
import { CreateMessageRequest } from './messages.js'
import { CreateToolResourcesParam, ToolResources, ToolResourcesParam } from './tools.js'

/** API reference, "The thread object". All keys are always there. */
export const Thread = Type.Object({
  id: Type.String(),
  object: Type.Literal('thread'),
  created_at: UnixTime,
  metadata: Metadata,
  tool_resources: ToolResources
})
export type Thread = Static<typeof Thread>

/** `POST /threads`. */
export const CreateThreadRequest = closedObject({
  messages: Type.Optional(Type.Array(CreateMessageRequest, { maxItems: 32 })),
  tool_resources: Type.Optional(nullable(CreateToolResourcesParam)),
  metadata: Type.Optional(MetadataParam)
})
export type CreateThreadRequest = Static<typeof CreateThreadRequest>

/** `POST /threads/{thread_id}`: an absent key stays as it is, a given one replaces the whole value. */
export const UpdateThreadRequest = closedObject({
  tool_resources: Type.Optional(nullable(ToolResourcesParam)),
  metadata: Type.Optional(MetadataParam)
})
export type UpdateThreadRequest = Static<typeof UpdateThreadRequest>

/** The path of one thread. */
export const ThreadParams = closedObject({ thread_id: Id('thread') })
export type ThreadParams = Static<typeof ThreadParams>
