import { Type, type Static } from '@sinclair/typebox'
import { closedObject, type Extensible, Id, IdParam, ListQuery, literals, Metadata, MetadataParam, nullable, UnixTime } from './common.js'

/** Characters of a message's text, and of instructions (API reference, "Create assistant"). */
export const TEXT_LENGTH = 256_000

/** Parts and attachments of one message. The numbers are ours. */
const MOST_PARTS = 500
const MOST_ATTACHMENTS = 500

/** Characters of an image's URL: a data URL of an image of 6 MB. Larger ones are files. */
const URL_LENGTH = 8_000_000

const Role = literals(['user', 'assistant'])
const Detail = Type.Optional(literals(['auto', 'low', 'high']))

/**
 * A marker in a text and what it stands for: a passage of a file (`file_citation`) or a file that the code interpreter
 * wrote (`file_path`). The indexes count characters of `value`; the end is exclusive.
 */
export const TextAnnotation = Type.Union([
  Type.Object({
    type: Type.Literal('file_citation'),
    text: Type.String(),
    start_index: Type.Integer(),
    end_index: Type.Integer(),
    file_citation: Type.Object({ file_id: Type.String() })
  }),
  Type.Object({
    type: Type.Literal('file_path'),
    text: Type.String(),
    start_index: Type.Integer(),
    end_index: Type.Integer(),
    file_path: Type.Object({ file_id: Type.String() })
  })
])
export type TextAnnotation = Static<typeof TextAnnotation>

/** A text with its annotations: `text` of a part of a message. A request gives a plain string instead. */
export const TextContent = Type.Object({
  value: Type.String(),
  annotations: Type.Array(TextAnnotation)
})
export type TextContent = Static<typeof TextContent>

/** An image that was uploaded: `image_file` of a part of a message. */
export const ImageFileContent = closedObject({ file_id: IdParam, detail: Detail })
export type ImageFileContent = Static<typeof ImageFileContent>

/** An image elsewhere, or a data URL: `image_url` of a part of a message. */
export const ImageUrlContent = closedObject({
  url: Type.String({ minLength: 1, maxLength: URL_LENGTH, pattern: '^([hH][tT][tT][pP][sS]?://|data:image/)' }),
  detail: Detail
})
export type ImageUrlContent = Static<typeof ImageUrlContent>

const ImageFilePart = closedObject({ type: Type.Literal('image_file'), image_file: ImageFileContent })
const ImageUrlPart = closedObject({ type: Type.Literal('image_url'), image_url: ImageUrlContent })

/** One part of a message. */
export const MessageContent = Type.Union([
  Type.Object({ type: Type.Literal('text'), text: TextContent }),
  ImageFilePart,
  ImageUrlPart,
  Type.Object({ type: Type.Literal('refusal'), refusal: Type.String() })
])
export type MessageContent = Static<typeof MessageContent>

/** One part of a message in a request. */
export const MessageContentPart = Type.Union([
  closedObject({ type: Type.Literal('text'), text: Type.String({ maxLength: TEXT_LENGTH }) }),
  ImageUrlPart,
  ImageFilePart
])
export type MessageContentPart = Static<typeof MessageContentPart>

/** A file of a message and the tools that may read it. */
export const Attachment = closedObject({
  file_id: IdParam,
  tools: Type.Array(Type.Union([
    closedObject({ type: Type.Literal('file_search') }),
    closedObject({ type: Type.Literal('code_interpreter') })
  ], { extension: 'attachment_tool' } satisfies Extensible), { maxItems: 16 })
})
export type Attachment = Static<typeof Attachment>

/** Why a message stopped short. */
export const MessageIncompleteReason = literals(['content_filter', 'max_tokens', 'run_cancelled', 'run_expired', 'run_failed'])
export type MessageIncompleteReason = Static<typeof MessageIncompleteReason>

/** API reference, "The message object". All keys are always there. */
export const Message = Type.Object({
  id: Type.String(),
  object: Type.Literal('thread.message'),
  created_at: UnixTime,
  thread_id: Type.String(),
  status: literals(['in_progress', 'incomplete', 'completed']),
  incomplete_details: nullable(Type.Object({ reason: MessageIncompleteReason })),
  completed_at: nullable(UnixTime),
  incomplete_at: nullable(UnixTime),
  role: Role,
  content: Type.Array(MessageContent),
  /** Null, as `run_id`, for a message that a client added. */
  assistant_id: nullable(Type.String()),
  run_id: nullable(Type.String()),
  attachments: Type.Array(Attachment),
  metadata: Metadata
})
export type Message = Static<typeof Message>

/** `POST /threads/{thread_id}/messages`; also an element of a new thread's and of a run's additional messages. */
export const CreateMessageRequest = closedObject({
  role: Role,
  content: Type.Union([
    Type.String({ maxLength: TEXT_LENGTH }),
    Type.Array(MessageContentPart, { minItems: 1, maxItems: MOST_PARTS })
  ]),
  attachments: Type.Optional(nullable(Type.Array(Attachment, { maxItems: MOST_ATTACHMENTS }))),
  metadata: Type.Optional(MetadataParam)
})
export type CreateMessageRequest = Static<typeof CreateMessageRequest>

/** `POST /threads/{thread_id}/messages/{message_id}`. */
export const UpdateMessageRequest = closedObject({ metadata: Type.Optional(MetadataParam) })
export type UpdateMessageRequest = Static<typeof UpdateMessageRequest>

/** The path of one message. */
export const MessageParams = closedObject({ thread_id: Id('thread'), message_id: Id('msg') })
export type MessageParams = Static<typeof MessageParams>

/** The query of a list of messages. */
export const ListMessagesQuery = closedObject({
  ...ListQuery.properties,
  /** Only what this run wrote. */
  run_id: Type.Optional(Id('run'))
})
export type ListMessagesQuery = Static<typeof ListMessagesQuery>

/** A new annotation, or more of one; `index` is its place among the annotations of its text. */
export const TextAnnotationDelta = Type.Union([
  Type.Object({
    index: Type.Integer(),
    type: Type.Literal('file_citation'),
    text: Type.Optional(Type.String()),
    start_index: Type.Optional(Type.Integer()),
    end_index: Type.Optional(Type.Integer()),
    file_citation: Type.Optional(Type.Object({
      file_id: Type.Optional(Type.String()),
      /** Always empty; the finished annotation has no such key. */
      quote: Type.Optional(Type.String())
    }))
  }),
  Type.Object({
    index: Type.Integer(),
    type: Type.Literal('file_path'),
    text: Type.Optional(Type.String()),
    start_index: Type.Optional(Type.Integer()),
    end_index: Type.Optional(Type.Integer()),
    file_path: Type.Optional(Type.Object({ file_id: Type.Optional(Type.String()) }))
  })
])
export type TextAnnotationDelta = Static<typeof TextAnnotationDelta>

/** What was added to one part of a message; `index` is the part's place in `content`. Strings are to be appended. */
export const MessageContentDelta = Type.Union([
  Type.Object({
    index: Type.Integer(),
    type: Type.Literal('text'),
    text: Type.Optional(Type.Object({
      value: Type.Optional(Type.String()),
      annotations: Type.Optional(Type.Array(TextAnnotationDelta))
    }))
  }),
  Type.Object({
    index: Type.Integer(),
    type: Type.Literal('image_file'),
    image_file: Type.Optional(Type.Object({ file_id: Type.Optional(Type.String()), detail: Detail }))
  }),
  Type.Object({
    index: Type.Integer(),
    type: Type.Literal('image_url'),
    image_url: Type.Optional(Type.Object({ url: Type.Optional(Type.String()), detail: Detail }))
  }),
  Type.Object({
    index: Type.Integer(),
    type: Type.Literal('refusal'),
    refusal: Type.Optional(Type.String())
  })
])
export type MessageContentDelta = Static<typeof MessageContentDelta>

/** API reference, "The message delta object". */
export const MessageDelta = Type.Object({
  id: Type.String(),
  object: Type.Literal('thread.message.delta'),
  delta: Type.Object({
    role: Type.Optional(Role),
    content: Type.Optional(Type.Array(MessageContentDelta))
  })
})
export type MessageDelta = Static<typeof MessageDelta>
