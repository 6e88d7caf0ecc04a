import { newId } from '../../lib/shared/ids.js'
import { Gate } from './upstream-gate.js'

/** `choices[0].delta` of a chunk, as loose as vendors are. */
export type Delta = Record<string, unknown>

/**
 * One step of a streamed reply. A string is a token of text; a promise or a `Gate` holds the rest back until it
 * resolves; `raw` goes to the socket untouched.
 */
export type Step =
  | string
  | Promise<unknown>
  | Gate
  | { delta: Delta }
  | { chunk: Record<string, unknown> }
  | { raw: string | Uint8Array }
  | { fault: 'hang' | 'drop' }

export interface UpstreamUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  [detail: string]: unknown
}

export interface StreamReplyOptions {
  /** Finish reason of the last choice chunk; null leaves it out. Default: `stop`, or `tool_calls` for `toolCalls`. */
  finish?: string | null
  /**
   * Default true: counted in words, and sent only when the request asks with `stream_options.include_usage`. An
   * object is sent as it is, asked for or not. False: never.
   */
  usage?: boolean | Partial<UpstreamUsage>
  /** OpenAI sends usage in a chunk of its own after the last choice (the default); some vendors with the last choice. */
  usageOn?: 'own-chunk' | 'finish-chunk'
  /** Whether `data: [DONE]` ends the stream. Default true. */
  done?: boolean
  headers?: Record<string, string>
}

export interface StreamReply extends StreamReplyOptions {
  kind: 'stream'
  steps: Step[]
}

export interface HttpReply {
  kind: 'http'
  status: number
  /** A string is sent as it is, anything else as JSON. */
  body: unknown
  headers: Record<string, string>
}

/** Before any header: never answer, or cut the connection. */
export interface FaultReply {
  kind: 'fault'
  fault: 'hang' | 'drop'
}

export type UpstreamReply = StreamReply | HttpReply | FaultReply

/** Text, in tokens: a string is split before each word, an array is taken as it is and may hold other steps. */
export function text (tokens: string | Step[], options: StreamReplyOptions = {}): StreamReply {
  const steps = typeof tokens === 'string' ? (tokens.match(/\s*\S+|\s+$/g) ?? []) : tokens
  return { kind: 'stream', finish: 'stop', ...options, steps }
}

/** A refusal, split as `text` does. */
export function refusal (words: string, options: StreamReplyOptions = {}): StreamReply {
  const steps = text(words).steps.map(token => ({ delta: { refusal: token } }))
  return { kind: 'stream', finish: 'stop', ...options, steps }
}

/** Text with `reasoning_content` deltas ahead of it, as reasoning models behind vLLM and others send. */
export function reasoning (thought: string, answer: string, options: StreamReplyOptions = {}): StreamReply {
  const thinking = text(thought).steps.map(token => ({ delta: { reasoning_content: token } }))
  return { kind: 'stream', finish: 'stop', ...options, steps: [...thinking, ...text(answer).steps] }
}

export interface ScriptedCall {
  name: string
  /** An object is sent as its JSON. */
  arguments: string | Record<string, unknown>
  /** Default: a new id. Null: none is sent. */
  id?: string | null
  /** More keys for the call's first fragment, such as `extra_content`. */
  extra?: Record<string, unknown>
}

export interface ToolCallOptions extends StreamReplyOptions {
  /** Pieces that each call's arguments come in. Default 2. */
  fragments?: number
  /** Whether the fragments of parallel calls alternate. Default: one call after the other. */
  interleaved?: boolean
  textBefore?: string
  /**
   * How the vendor writes calls. `openai` (default): id and name once, then fragments. `repeated`: id and name on
   * every fragment. `whole`: each call complete in one delta. `all-at-once`: all calls complete in one delta.
   * `object-arguments`: complete, `arguments` an object instead of a string. `without-index`: as `openai` without `index`.
   */
  style?: 'openai' | 'repeated' | 'whole' | 'all-at-once' | 'object-arguments' | 'without-index'
}

/** Function calls of one model turn. */
export function toolCalls (calls: ScriptedCall[], options: ToolCallOptions = {}): StreamReply {
  const { fragments = 2, interleaved = false, textBefore = '', style = 'openai', ...rest } = options
  const perCall = calls.map((call, index) => fragmentsOf(call, index, style, fragments))
  const ordered = interleaved ? alternate(perCall) : perCall.flat()
  const deltas = style === 'all-at-once' ? [{ tool_calls: ordered }] : ordered.map(part => ({ tool_calls: [part] }))
  const steps = [...text(textBefore).steps, ...deltas.map(delta => ({ delta }))]
  return { kind: 'stream', finish: 'tool_calls', ...rest, steps }
}

function fragmentsOf (call: ScriptedCall, index: number, style: ToolCallOptions['style'], count: number): Delta[] {
  const json = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments)
  const id = call.id === undefined ? newId.toolCall() : call.id
  const place = style === 'without-index' ? {} : { index }
  const head = { ...place, ...(id === null ? {} : { id }), type: 'function', ...call.extra }
  if (style === 'object-arguments') return [{ ...head, function: { name: call.name, arguments: call.arguments } }]
  if (style === 'whole' || style === 'all-at-once') return [{ ...head, function: { name: call.name, arguments: json } }]
  const size = Math.max(1, Math.ceil(json.length / count))
  const pieces = json.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
  if (style === 'repeated') return pieces.map(piece => ({ ...head, function: { name: call.name, arguments: piece } }))
  return [
    { ...head, function: { name: call.name, arguments: '' } },
    ...pieces.map(piece => ({ ...place, function: { arguments: piece } }))
  ]
}

function alternate<T> (lists: T[][]): T[] {
  const longest = Math.max(0, ...lists.map(list => list.length))
  return Array.from({ length: longest }, (_, row) => lists.flatMap(list => list.slice(row, row + 1))).flat()
}

/** An HTTP error. A string body becomes OpenAI's envelope with that message; give an object to choose the whole body. */
export function error (status: number, body: string | Record<string, unknown> = 'The upstream failed.', headers: Record<string, string> = {}): HttpReply {
  const envelope = { error: { message: body, type: status >= 500 ? 'server_error' : 'invalid_request_error', param: null, code: null } }
  return http(status, typeof body === 'string' ? envelope : body, headers)
}

/** Any HTTP answer; a string body is sent as it is. */
export function http (status: number, body: unknown, headers: Record<string, string> = {}): HttpReply {
  return { kind: 'http', status, body, headers }
}

/**
 * Without arguments: no answer at all, not even headers. With a reply: its headers and its first `tokens` steps, then
 * silence. Either way until the client closes or the test calls `request.release()`.
 */
export function hang (): FaultReply
export function hang (reply: StreamReply, tokens?: number): StreamReply
export function hang (reply?: StreamReply, tokens = 0): UpstreamReply {
  return reply === undefined ? { kind: 'fault', fault: 'hang' } : insert(reply, tokens, { fault: 'hang' })
}

/** As `hang`, but the connection is cut. */
export function drop (): FaultReply
export function drop (reply: StreamReply, tokens?: number): StreamReply
export function drop (reply?: StreamReply, tokens = 0): UpstreamReply {
  return reply === undefined ? { kind: 'fault', fault: 'drop' } : insert(reply, tokens, { fault: 'drop' })
}

/** A reply with a frame after its first `tokens` steps that is not JSON. */
export function malformed (reply: StreamReply, tokens = 0, data = '{"choices":[{"delta":'): StreamReply {
  return insert(reply, tokens, { raw: `data: ${data}\n\n` })
}

/** A reply that waits at `gate` before every step: `gate.open()` sends one token, `gate.open(Infinity)` the rest. */
export function gated (reply: StreamReply, gate: Gate): StreamReply {
  return { ...reply, steps: reply.steps.flatMap(step => [gate, step]) }
}

function insert (reply: StreamReply, at: number, step: Step): StreamReply {
  return { ...reply, steps: reply.steps.toSpliced(at, 0, step) }
}
