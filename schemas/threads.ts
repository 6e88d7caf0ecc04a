import { Type, type Static } from '@sinclair/typebox'
import { closedObject, Id, ListQuery, Metadata, MetadataFilter, MetadataParam, nullable, UnixTime } from './common.js'
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

/** `POST /threads/{thread_id}/fork`, which the API does not have. */
export const ForkThreadRequest = closedObject({
  /** The last message that is copied. Default: all of them are. */
  message_id: Type.Optional(Id('msg')),
  /** Default: that of the thread. */
  metadata: Type.Optional(MetadataParam)
})
export type ForkThreadRequest = Static<typeof ForkThreadRequest>

/** `GET /threads`, which the API does not have: the threads that fit all that is asked for. */
export const ListThreadsQuery = closedObject({
  ...ListQuery.properties,
  metadata: Type.Optional(MetadataFilter),
  /** At this unix second or later. */
  created_after: Type.Optional(UnixTime),
  /** Before this unix second. */
  created_before: Type.Optional(UnixTime)
})

/** With what only a server can say. */
export const ListThreadsOfServerQuery = closedObject({
  ...ListThreadsQuery.properties,
  /** Only threads in which runs have begun or stopped last on this instance, up to 50, the latest first. Alone, without any other parameter. */
  recent_runs: Type.Optional(Type.Boolean())
})
export type ListThreadsOfServerQuery = Static<typeof ListThreadsOfServerQuery>
export type ListThreadsQuery = Static<typeof ListThreadsQuery>

/** The path of one thread. */
export const ThreadParams = closedObject({ thread_id: Id('thread') })
export type ThreadParams = Static<typeof ThreadParams>
