import type { TSchema } from '@sinclair/typebox'
import type { Message, TextAnnotation } from '../../schemas/messages.js'
import type { AssistantTool, ToolResources } from '../../schemas/tools.js'
import type { CreateVectorStoreRequest } from '../../schemas/vector-stores.js'
import type { ModelTool, ModelToolCall } from '../models/provider.js'
import type { Scope } from '../shared/scope.js'

/** A tool as an assistant or a run declares it. Types that the API does not define have fields of their own. */
export interface ToolDeclaration {
  type: string
}

/** A function that a run declares. The client answers its calls, or a server tool of the same name. */
export type FunctionTool = AssistantTool & { type: 'function' }

export const isFunction = (tool: ToolDeclaration): tool is FunctionTool => tool.type === 'function'

/** A call as its step shows it: `{ id, type: 'web_search', web_search: { … } }`. */
export interface ToolStepCall {
  id: string
  type: string
}

/** What was added to a call. Strings are to be appended; the engine adds `index`, the call's place among those of its turn. */
export interface ToolStepDelta {
  id?: string
  type: string
}

/** What a call of a built-in tool knows of the run that makes it. */
export interface BuiltInContext<Declared extends ToolDeclaration = ToolDeclaration> {
  readonly project: string
  readonly runId: string
  readonly threadId: string
  readonly assistantId: string
  readonly metadata: Readonly<Record<string, string>>
  /** The declaration that offered the tool. */
  readonly declared: Declared
  /** The run's own `tool_resources`. */
  readonly resources: ToolResources | null
  /** `tool_resources` of the run's thread, read anew. */
  threadResources (): Promise<ToolResources | null>
  /** Aborted when the run is cancelled, expires, moves to another instance, or the server stops. */
  readonly signal: AbortSignal
}

/** What a call leaves behind. */
export interface BuiltInResult<Call extends ToolStepCall = ToolStepCall, Kept = unknown> {
  /** As its step shows it from now on. */
  call: Call
  /** Plain JSON that is stored beside the step and never shown: what `output` needs later. */
  kept: Kept
}

/**
 * A piece of text and the annotations of passages in it. Offsets count UTF-16 units from the beginning of `value`. Clients rely on the
 * passage and its annotation to come in one piece.
 */
export interface AnnotatedText {
  value: string
  /** Without `index`. */
  annotations: TextAnnotation[]
}

/** Finds annotations in a text that arrives in pieces. One annotator reads one text part. */
export interface Annotator {
  /** What may be published after this piece. An annotator may hold text back and return it with a later piece. */
  push (piece: string): AnnotatedText[]
  /** What was held back: the text has ended. */
  end (): AnnotatedText[]
}

/** Follows the arguments of one call while the model writes them. */
export interface ArgumentsReader<Delta extends ToolStepDelta = ToolStepDelta> {
  /** The delta that readers are sent for a fragment, undefined for none. */
  push (fragment: string): Delta | undefined
}

/**
 * A tool that this server runs and whose declaration and calls have a wire type of their own, such as `file_search`. The run
 * engine knows this interface and no tool by name.
 *
 * One object serves all projects and runs. Everything that a run needs later (after a restart, for a later model turn, for a
 * reader that joins late) comes from the records alone: the call as its step shows it, and what the tool kept.
 */
export interface BuiltInTool<
  Declared extends ToolDeclaration = ToolDeclaration,
  Call extends ToolStepCall = ToolStepCall,
  Kept = unknown,
  Delta extends ToolStepDelta = ToolStepDelta
> {
  readonly type: Declared['type']

  /**
   * The declaration in a request, as a TypeBox object whose `type` is a literal. Needed for a type that the API does not define:
   * requests that declare the tool are checked against it, and `tool_choice` and message attachments may name the type.
   */
  readonly schema?: TSchema

  /** The declaration as responses show it, with defaults filled in. `param` has been checked against the schema. */
  declare (param: ToolDeclaration): Declared

  /** The function that stands for the tool in the model's request. Undefined: this server cannot run the tool, and the model does not see it. */
  offer (declared: Declared): ModelTool | undefined

  /**
   * Why no run can use the tool: a run that declares it fails with this message, unless a server tool has the tool's type for a name.
   * Absent: the run goes on without the tool where `offer` has none.
   */
  readonly refusal?: string

  /** A call as its step shows it before it has run: first with empty arguments, and again when the model has written them. */
  begin (call: ModelToolCall, declared: Declared): Call

  /** Absent: arguments are not shown while the model writes them. */
  readArguments? (): ArgumentsReader<Delta>

  /**
   * Runs a call. Yields what readers see meanwhile. Bad arguments are a result that the model reads, not an error: what is thrown
   * ends the run. Calls of one turn run at the same time.
   */
  run (call: ModelToolCall, context: BuiltInContext<Declared>): AsyncGenerator<Delta, BuiltInResult<Call, Kept>, void>

  /**
   * What the model reads as the call's output.
   *
   * @param kept undefined where a record of it is missing.
   * @param ordinal how many calls of this type the run had made before. Undefined for a call of an earlier run.
   */
  output (call: Call, kept: Kept | undefined, ordinal: number | undefined): string

  /**
   * The call with what a delta of `run` adds, for what is stored of a call that does not come to its end. Absent: nothing is shown of
   * such a call but how it began.
   */
  apply? (call: Call, delta: Delta): Call

  /** The deltas that tell a finished call to a reader that joins when its events are no longer kept. */
  replay (call: Call): Delta[]

  /** The call with what `include[]` adds. Absent: nothing can be added. */
  including? (call: Call, kept: Kept | undefined, include: readonly string[]): Call

  /**
   * Annotates text that follows calls of this tool in the same run. `calls` are all of them so far, oldest first, `kept` is what each has
   * left (undefined where a record of it is missing).
   */
  annotator? (calls: readonly Call[], kept: readonly (Kept | undefined)[]): Annotator

  /** Ids of files with images that a finished call shows the user: they come before the text of the message that follows. */
  images? (call: Call): readonly string[]

  /** The tool's key of `tool_resources`. Absent: it has none. */
  readonly resources?: BuiltInResources
}

/** A tool whose types are its own affair: what it declares comes back to it as it was declared. */
export type AnyBuiltInTool = BuiltInTool<any, any, any, any>

/** The part of a request's `tool_resources` under one tool's key. Its shape is the tool's own. */
export type ResourcePart = object

/**
 * What `tool_resources` and message attachments mean to one tool. `Part` is the value under the tool's key of
 * `tool_resources`, undefined where the key is absent.
 */
export interface BuiltInResources<Part extends ResourcePart = ResourcePart> {
  /** The tool's key of `tool_resources` in a request. Needed for a type that the API does not define. */
  readonly schema?: TSchema
  /** Starts an operation (one request) that may change resources. */
  change (scope: Scope): ResourceChange<Part>
  /** The part as responses show it, without what was deleted since it was stored. Returns `part` itself when it is unchanged. */
  shown? (scope: Scope, part: Part): Promise<Part>
  /** A run is about to use these parts (the thread's, its own). Throws an `ApiError` when one cannot be used. */
  use? (scope: Scope, parts: readonly Part[]): Promise<void>
}

/** What a new assistant or thread may ask for. */
export interface ResolveOptions {
  /** Whether the tool is among the declared ones. */
  isDeclared: boolean
  /** Whether the request may create vector stores, and when those expire. Undefined: it may not. */
  vectorStores?: { expiresAfter?: CreateVectorStoreRequest['expires_after'] }
}

/** One operation on one tool's resources. What it does takes effect at once and is undone by `settle` when it was in vain. */
export interface ResourceChange<Part extends ResourcePart = ResourcePart> {
  /**
   * The part as it is to be stored. Throws an `ApiError` when it names what does not exist.
   *
   * @param requested the tool's key in the request; undefined keeps `old`.
   */
  resolve (requested: ResourcePart | undefined, old: Part | undefined, options: ResolveOptions): Promise<Part | undefined>
  /**
   * The thread's part with what the attachments of new messages add. Called again after each lost race with the part that came first;
   * returns `part` itself when nothing is added.
   */
  attach (part: Part | undefined, messages: readonly Pick<Message, 'attachments'>[]): Promise<Part | undefined>
  /** Undoes everything but what `kept` names: the part that was stored, undefined when nothing was. Never rejects. */
  settle (kept: Part | undefined): Promise<void>
}
