import { Type, type Static } from '@sinclair/typebox'
import { closedObject, FileAttributes, Id, ListQuery, literals, Metadata, nullable, UnixTime } from './common.js'
import { Usage } from './runs.js'
import { RankingOptions } from './tools.js'

const FunctionStepToolCall = Type.Object({
  id: Type.String(),
  type: Type.Literal('function'),
  function: Type.Object({
    name: Type.String(),
    arguments: Type.String(),
    /** Null until it is submitted. */
    output: nullable(Type.String())
  })
})

const CodeInterpreterStepToolCall = Type.Object({
  id: Type.String(),
  type: Type.Literal('code_interpreter'),
  code_interpreter: Type.Object({
    input: Type.String(),
    outputs: Type.Array(Type.Union([
      Type.Object({ type: Type.Literal('logs'), logs: Type.String() }),
      Type.Object({ type: Type.Literal('image'), image: Type.Object({ file_id: Type.String() }) })
    ]))
  })
})

const FileSearchResult = Type.Object({
  file_id: Type.String(),
  file_name: Type.String(),
  /** 0 to 1. */
  score: Type.Number(),
  attributes: FileAttributes,
  /** Only when the request asks for it with `include[]`. */
  content: Type.Optional(Type.Array(Type.Object({ type: Type.Literal('text'), text: Type.String() })))
})

const FileSearchStepToolCall = Type.Object({
  id: Type.String(),
  type: Type.Literal('file_search'),
  file_search: Type.Object({
    ranking_options: RankingOptions,
    results: Type.Array(FileSearchResult)
  })
})

/** A tool call as a step records it. */
export const StepToolCall = Type.Union([FunctionStepToolCall, CodeInterpreterStepToolCall, FileSearchStepToolCall])
export type StepToolCall = Static<typeof StepToolCall>

const MessageCreation = Type.Object({
  type: Type.Literal('message_creation'),
  message_creation: Type.Object({ message_id: Type.String() })
})

/** What a step did: write a message, or call tools, all those of one model output together. */
export const StepDetails = Type.Union([
  MessageCreation,
  Type.Object({
    type: Type.Literal('tool_calls'),
    tool_calls: Type.Array(StepToolCall)
  })
])
export type StepDetails = Static<typeof StepDetails>

/** API reference, "The run step object". All keys are always there. */
export const RunStep = Type.Object({
  id: Type.String(),
  object: Type.Literal('thread.run.step'),
  created_at: UnixTime,
  run_id: Type.String(),
  assistant_id: Type.String(),
  thread_id: Type.String(),
  type: literals(['message_creation', 'tool_calls']),
  status: literals(['in_progress', 'cancelled', 'failed', 'completed', 'expired']),
  cancelled_at: nullable(UnixTime),
  completed_at: nullable(UnixTime),
  expired_at: nullable(UnixTime),
  expires_at: nullable(UnixTime),
  failed_at: nullable(UnixTime),
  last_error: nullable(Type.Object({
    code: literals(['server_error', 'rate_limit_exceeded']),
    message: Type.String()
  })),
  step_details: StepDetails,
  metadata: Metadata,
  /** Null while the step is in progress. */
  usage: nullable(Usage)
})
export type RunStep = Static<typeof RunStep>

/** What was added to one tool call; `index` is its place in `tool_calls`. Strings are to be appended. */
export const StepToolCallDelta = Type.Union([
  Type.Object({
    index: Type.Integer(),
    id: Type.Optional(Type.String()),
    type: Type.Literal('function'),
    function: Type.Optional(Type.Object({
      name: Type.Optional(Type.String()),
      arguments: Type.Optional(Type.String()),
      output: Type.Optional(nullable(Type.String()))
    }))
  }),
  Type.Object({
    index: Type.Integer(),
    id: Type.Optional(Type.String()),
    type: Type.Literal('code_interpreter'),
    code_interpreter: Type.Optional(Type.Object({
      input: Type.Optional(Type.String()),
      outputs: Type.Optional(Type.Array(Type.Union([
        Type.Object({ index: Type.Integer(), type: Type.Literal('logs'), logs: Type.Optional(Type.String()) }),
        Type.Object({
          index: Type.Integer(),
          type: Type.Literal('image'),
          image: Type.Optional(Type.Object({ file_id: Type.Optional(Type.String()) }))
        })
      ])))
    }))
  }),
  Type.Object({
    index: Type.Integer(),
    id: Type.Optional(Type.String()),
    type: Type.Literal('file_search'),
    file_search: Type.Object({
      ranking_options: Type.Optional(RankingOptions),
      results: Type.Optional(Type.Array(FileSearchResult))
    })
  })
])
export type StepToolCallDelta = Static<typeof StepToolCallDelta>

/** API reference, "The run step delta object". Only tool calls come in pieces. */
export const RunStepDelta = Type.Object({
  id: Type.String(),
  object: Type.Literal('thread.run.step.delta'),
  delta: Type.Object({
    step_details: Type.Object({
      type: Type.Literal('tool_calls'),
      tool_calls: Type.Array(StepToolCallDelta)
    })
  })
})
export type RunStepDelta = Static<typeof RunStepDelta>

/** The path of one step. Its own id has no prefix check. */
export const RunStepParams = closedObject({ thread_id: Id('thread'), run_id: Id('run'), step_id: Type.String() })
export type RunStepParams = Static<typeof RunStepParams>

/** Adds the text of file_search results to the steps of the answer. */
export const RunStepIncludeQuery = closedObject({
  include: Type.Optional(Type.Array(literals(['step_details.tool_calls[*].file_search.results[*].content'])))
})
export type RunStepIncludeQuery = Static<typeof RunStepIncludeQuery>

/** The query of a list of steps. */
export const ListRunStepsQuery = closedObject({
  ...ListQuery.properties,
  ...RunStepIncludeQuery.properties
})
export type ListRunStepsQuery = Static<typeof ListRunStepsQuery>
