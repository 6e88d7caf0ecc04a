/**
 * Checked by the compiler, never run: what we answer fits the types of the official SDK, and what the SDK sends fits
 * ours, for the majors that applications of the Assistants API are built with. The assignments are functions, so
 * that nothing is needed at run time and a mismatch is reported by the name of the object.
 */
import type V6 from 'openai'
import type { CursorPageResponse as CursorPage6, PageResponse as Page6 } from 'openai/pagination'
import type V4 from 'openai4'
import type { CursorPageResponse as CursorPage4, PageResponse as Page4 } from 'openai4/pagination'
import type V5 from 'openai5'
import type { CursorPageResponse as CursorPage5, PageResponse as Page5 } from 'openai5/pagination'
import type V7 from 'openai7'
import type { CursorPageResponse as CursorPage7, PageResponse as Page7 } from 'openai7/pagination'
import type * as Ours from '../../schemas/index.js'

/** The SDKs have no `content_filter` among the reasons; the real service sends it all the same. */
interface Run extends Omit<Ours.Run, 'incomplete_details'> {
  incomplete_details: { reason: 'max_completion_tokens' | 'max_prompt_tokens' } | null
}

/** `done` never gets to a caller of the SDK, so its union has no such event. */
type Delivered<E> = E extends { event: 'done' } ? never : E extends { data: Ours.Run } ? Omit<E, 'data'> & { data: Run } : E

/**
 * The SDKs have a file object without null, which the real service sends for what is absent, and without the two
 * purposes that came last.
 */
interface FileObject extends Omit<Ours.FileObject, 'expires_at' | 'status_details' | 'purpose'> {
  purpose: Exclude<Ours.FilePurpose, 'evals' | 'user_data'>
}

interface Answers {
  assistant: Ours.Assistant
  assistants: Ours.ListResponse<Ours.Assistant>
  assistantDeleted: Ours.DeleteResponse<'assistant.deleted'>
  thread: Ours.Thread
  threadDeleted: Ours.DeleteResponse<'thread.deleted'>
  message: Ours.Message
  messages: Ours.ListResponse<Ours.Message>
  messageContent: Ours.MessageContent
  messageDelta: Ours.MessageDelta
  messageDeleted: Ours.DeleteResponse<'thread.message.deleted'>
  annotation: Ours.TextAnnotation
  run: Run
  runs: Ours.ListResponse<Run>
  runStatus: Ours.RunStatus
  toolCall: Ours.ToolCall
  runStep: Ours.RunStep
  runSteps: Ours.ListResponse<Ours.RunStep>
  runStepDelta: Ours.RunStepDelta
  stepToolCall: Ours.StepToolCall
  event: Delivered<Ours.StreamEvent>
  model: Ours.Model
  models: Ours.ListModelsResponse
  file: FileObject
  fileDeleted: Ours.DeleteResponse<'file'>
}

interface AnswersV7 {
  assistant: V7.Beta.Assistant
  assistants: CursorPage7<V7.Beta.Assistant>
  assistantDeleted: V7.Beta.AssistantDeleted
  thread: V7.Beta.Thread
  threadDeleted: V7.Beta.ThreadDeleted
  message: V7.Beta.Threads.Message
  messages: CursorPage7<V7.Beta.Threads.Message>
  messageContent: V7.Beta.Threads.MessageContent
  messageDelta: V7.Beta.Threads.MessageDeltaEvent
  messageDeleted: V7.Beta.Threads.MessageDeleted
  annotation: V7.Beta.Threads.Annotation
  run: V7.Beta.Threads.Run
  runs: CursorPage7<V7.Beta.Threads.Run>
  runStatus: V7.Beta.Threads.RunStatus
  toolCall: V7.Beta.Threads.RequiredActionFunctionToolCall
  runStep: V7.Beta.Threads.Runs.RunStep
  runSteps: CursorPage7<V7.Beta.Threads.Runs.RunStep>
  runStepDelta: V7.Beta.Threads.Runs.RunStepDeltaEvent
  stepToolCall: V7.Beta.Threads.Runs.ToolCall
  event: V7.Beta.AssistantStreamEvent
  model: V7.Model
  models: Page7<V7.Model>
  file: V7.FileObject
  fileDeleted: V7.FileDeleted
}

interface AnswersV6 {
  assistant: V6.Beta.Assistant
  assistants: CursorPage6<V6.Beta.Assistant>
  assistantDeleted: V6.Beta.AssistantDeleted
  thread: V6.Beta.Thread
  threadDeleted: V6.Beta.ThreadDeleted
  message: V6.Beta.Threads.Message
  messages: CursorPage6<V6.Beta.Threads.Message>
  messageContent: V6.Beta.Threads.MessageContent
  messageDelta: V6.Beta.Threads.MessageDeltaEvent
  messageDeleted: V6.Beta.Threads.MessageDeleted
  annotation: V6.Beta.Threads.Annotation
  run: V6.Beta.Threads.Run
  runs: CursorPage6<V6.Beta.Threads.Run>
  runStatus: V6.Beta.Threads.RunStatus
  toolCall: V6.Beta.Threads.RequiredActionFunctionToolCall
  runStep: V6.Beta.Threads.Runs.RunStep
  runSteps: CursorPage6<V6.Beta.Threads.Runs.RunStep>
  runStepDelta: V6.Beta.Threads.Runs.RunStepDeltaEvent
  stepToolCall: V6.Beta.Threads.Runs.ToolCall
  event: V6.Beta.AssistantStreamEvent
  model: V6.Model
  models: Page6<V6.Model>
  file: V6.FileObject
  fileDeleted: V6.FileDeleted
}

interface AnswersV5 {
  assistant: V5.Beta.Assistant
  assistants: CursorPage5<V5.Beta.Assistant>
  assistantDeleted: V5.Beta.AssistantDeleted
  thread: V5.Beta.Thread
  threadDeleted: V5.Beta.ThreadDeleted
  message: V5.Beta.Threads.Message
  messages: CursorPage5<V5.Beta.Threads.Message>
  messageContent: V5.Beta.Threads.MessageContent
  messageDelta: V5.Beta.Threads.MessageDeltaEvent
  messageDeleted: V5.Beta.Threads.MessageDeleted
  annotation: V5.Beta.Threads.Annotation
  run: V5.Beta.Threads.Run
  runs: CursorPage5<V5.Beta.Threads.Run>
  runStatus: V5.Beta.Threads.RunStatus
  toolCall: V5.Beta.Threads.RequiredActionFunctionToolCall
  runStep: V5.Beta.Threads.Runs.RunStep
  runSteps: CursorPage5<V5.Beta.Threads.Runs.RunStep>
  runStepDelta: V5.Beta.Threads.Runs.RunStepDeltaEvent
  stepToolCall: V5.Beta.Threads.Runs.ToolCall
  event: V5.Beta.AssistantStreamEvent
  model: V5.Model
  models: Page5<V5.Model>
  file: V5.FileObject
  fileDeleted: V5.FileDeleted
}

interface AnswersV4 {
  assistant: V4.Beta.Assistant
  assistants: CursorPage4<V4.Beta.Assistant>
  assistantDeleted: V4.Beta.AssistantDeleted
  thread: V4.Beta.Thread
  threadDeleted: V4.Beta.ThreadDeleted
  message: V4.Beta.Threads.Message
  messages: CursorPage4<V4.Beta.Threads.Message>
  messageContent: V4.Beta.Threads.MessageContent
  messageDelta: V4.Beta.Threads.MessageDeltaEvent
  messageDeleted: V4.Beta.Threads.MessageDeleted
  annotation: V4.Beta.Threads.Annotation
  run: V4.Beta.Threads.Run
  runs: CursorPage4<V4.Beta.Threads.Run>
  runStatus: V4.Beta.Threads.RunStatus
  toolCall: V4.Beta.Threads.RequiredActionFunctionToolCall
  runStep: V4.Beta.Threads.Runs.RunStep
  runSteps: CursorPage4<V4.Beta.Threads.Runs.RunStep>
  runStepDelta: V4.Beta.Threads.Runs.RunStepDeltaEvent
  stepToolCall: V4.Beta.Threads.Runs.ToolCall
  event: V4.Beta.AssistantStreamEvent
  model: V4.Model
  models: Page4<V4.Model>
  file: V4.FileObject
  fileDeleted: V4.FileDeleted
}

/** An event that only the SDK knew would never be sent. */
export const noEventIsLacking: Exclude<V6.Beta.AssistantStreamEvent['event'], Ours.StreamEvent['event']> extends never ? true : false = true

/** The SDKs have a function without a description, the real service null for it. */
type Described<T> = { [K in keyof T]: K extends 'function' ? WithDescription<T[K]> : Described<T[K]> }
type WithDescription<T> = { [K in keyof T]: K extends 'description' ? NonNullable<T[K]> : T[K] }

export const answersFitV7 = (answers: Described<Answers>): AnswersV7 => answers
export const answersFitV6 = (answers: Described<Answers>): AnswersV6 => answers
export const answersFitV5 = (answers: Described<Answers>): AnswersV5 => answers
export const answersFitV4 = (answers: Omit<Described<Answers>, Step> & OnlyRankerOfV4<Pick<Described<Answers>, Step>>): AnswersV4 => answers

/** A step of version 4 names the one ranker there was; an assistant may ask for `auto` there too. */
type OnlyRankerOfV4<T> = { [K in keyof T]: K extends 'ranker' ? Exclude<T[K], 'auto'> : OnlyRankerOfV4<T[K]> }
type Step = 'runStep' | 'runSteps' | 'stepToolCall' | 'event'

/**
 * Where the SDK's types take more than the API does: an attachment without its file or its tools, and a tool choice
 * with a function beside any type.
 */
type ExceptMessages<T> = Omit<T, 'attachments' | 'messages' | 'additional_messages' | 'thread' | 'tool_choice'>

/** The SDK puts ids of the path, and `include` of the query, among the parameters. */
type Body<T> = Omit<T, 'thread_id' | 'include'>

interface Requests {
  createAssistant: Ours.CreateAssistantRequest
  updateAssistant: Ours.UpdateAssistantRequest
  createThread: ExceptMessages<Ours.CreateThreadRequest>
  updateThread: Ours.UpdateThreadRequest
  createMessage: ExceptMessages<Ours.CreateMessageRequest>
  attachments: Ours.Attachment[]
  updateMessage: Ours.UpdateMessageRequest
  createRun: ExceptMessages<Ours.CreateRunRequest>
  createThreadAndRun: ExceptMessages<Ours.CreateThreadAndRunRequest>
  updateRun: Ours.UpdateRunRequest
  submitToolOutputs: Ours.SubmitToolOutputsRequest
  list: Ours.ListQuery
  listMessages: Ours.ListMessagesQuery
  listRunSteps: Ours.ListRunStepsQuery
  uploadPurpose: Ours.UploadFileRequest['purpose']
}

interface RequestsV7 {
  createAssistant: V7.Beta.AssistantCreateParams
  updateAssistant: V7.Beta.AssistantUpdateParams
  createThread: ExceptMessages<V7.Beta.ThreadCreateParams>
  updateThread: V7.Beta.ThreadUpdateParams
  createMessage: ExceptMessages<V7.Beta.Threads.MessageCreateParams>
  attachments: Array<Required<V7.Beta.Threads.MessageCreateParams.Attachment>>
  updateMessage: Body<V7.Beta.Threads.MessageUpdateParams>
  createRun: ExceptMessages<Body<V7.Beta.Threads.RunCreateParams>>
  createThreadAndRun: ExceptMessages<V7.Beta.ThreadCreateAndRunParams>
  updateRun: Body<V7.Beta.Threads.RunUpdateParams>
  submitToolOutputs: Body<V7.Beta.Threads.RunSubmitToolOutputsParams>
  list: V7.Beta.AssistantListParams
  listMessages: V7.Beta.Threads.MessageListParams
  listRunSteps: Omit<V7.Beta.Threads.Runs.StepListParams, 'thread_id'>
  uploadPurpose: V7.FilePurpose
}

interface RequestsV6 {
  createAssistant: V6.Beta.AssistantCreateParams
  updateAssistant: V6.Beta.AssistantUpdateParams
  createThread: ExceptMessages<V6.Beta.ThreadCreateParams>
  updateThread: V6.Beta.ThreadUpdateParams
  createMessage: ExceptMessages<V6.Beta.Threads.MessageCreateParams>
  attachments: Array<Required<V6.Beta.Threads.MessageCreateParams.Attachment>>
  updateMessage: Body<V6.Beta.Threads.MessageUpdateParams>
  createRun: ExceptMessages<Body<V6.Beta.Threads.RunCreateParams>>
  createThreadAndRun: ExceptMessages<V6.Beta.ThreadCreateAndRunParams>
  updateRun: Body<V6.Beta.Threads.RunUpdateParams>
  submitToolOutputs: Body<V6.Beta.Threads.RunSubmitToolOutputsParams>
  list: V6.Beta.AssistantListParams
  listMessages: V6.Beta.Threads.MessageListParams
  listRunSteps: Omit<V6.Beta.Threads.Runs.StepListParams, 'thread_id'>
  uploadPurpose: V6.FilePurpose
}

interface RequestsV5 {
  createAssistant: V5.Beta.AssistantCreateParams
  updateAssistant: V5.Beta.AssistantUpdateParams
  createThread: ExceptMessages<V5.Beta.ThreadCreateParams>
  updateThread: V5.Beta.ThreadUpdateParams
  createMessage: ExceptMessages<V5.Beta.Threads.MessageCreateParams>
  attachments: Array<Required<V5.Beta.Threads.MessageCreateParams.Attachment>>
  updateMessage: Body<V5.Beta.Threads.MessageUpdateParams>
  createRun: ExceptMessages<Body<V5.Beta.Threads.RunCreateParams>>
  createThreadAndRun: ExceptMessages<V5.Beta.ThreadCreateAndRunParams>
  updateRun: Body<V5.Beta.Threads.RunUpdateParams>
  submitToolOutputs: Body<V5.Beta.Threads.RunSubmitToolOutputsParams>
  list: V5.Beta.AssistantListParams
  listMessages: V5.Beta.Threads.MessageListParams
  listRunSteps: Omit<V5.Beta.Threads.Runs.StepListParams, 'thread_id'>
  uploadPurpose: V5.FilePurpose
}

interface RequestsV4 {
  createAssistant: V4.Beta.AssistantCreateParams
  updateAssistant: V4.Beta.AssistantUpdateParams
  createThread: ExceptMessages<V4.Beta.ThreadCreateParams>
  updateThread: V4.Beta.ThreadUpdateParams
  createMessage: ExceptMessages<V4.Beta.Threads.MessageCreateParams>
  attachments: Array<Required<V4.Beta.Threads.MessageCreateParams.Attachment>>
  updateMessage: V4.Beta.Threads.MessageUpdateParams
  createRun: ExceptMessages<Body<V4.Beta.Threads.RunCreateParams>>
  createThreadAndRun: ExceptMessages<V4.Beta.ThreadCreateAndRunParams>
  updateRun: V4.Beta.Threads.RunUpdateParams
  submitToolOutputs: V4.Beta.Threads.RunSubmitToolOutputsParams
  list: V4.Beta.AssistantListParams
  listMessages: V4.Beta.Threads.MessageListParams
  listRunSteps: V4.Beta.Threads.Runs.StepListParams
  uploadPurpose: V4.FilePurpose
}

export const requestsOfV7Fit = (requests: RequestsV7): Requests => requests
export const requestsOfV6Fit = (requests: RequestsV6): Requests => requests
export const requestsOfV5Fit = (requests: RequestsV5): Requests => requests
export const requestsOfV4Fit = (requests: RequestsV4): Requests => requests

/** Assigning does not notice a key that we lack, and we would refuse it as unknown. */
type KeysWeLack<Theirs extends Record<keyof Requests, unknown>> = {
  [K in keyof Requests]: Requests[K] extends string | unknown[] ? never : Exclude<keyof Theirs[K], keyof Requests[K]>
}[keyof Requests]

export const noKeyIsLacking: [KeysWeLack<RequestsV6>, KeysWeLack<RequestsV5>, KeysWeLack<RequestsV4>] extends [never, never, never] ? true : false = true
