import type { IncomingHttpHeaders } from 'node:http'
import { publicText, type Secrets } from './redact.js'
import { retryAfterMs } from './retry.js'
import { ModelError, type ModelErrorCode } from '../provider.js'

export interface FailureDetails {
  status?: number
  cause?: unknown
  /** Whether the same request may succeed a little later. Default false. */
  retryable?: boolean
  /** The pause that the vendor asked for. */
  retryAfterMs?: number
  /** The vendor's error body as text, for those who look for more in it. */
  body?: string
}

/** A `ModelError` with what the retries have to know. */
export class UpstreamError extends ModelError {
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly #body: string

  constructor (code: ModelErrorCode, message: string, details: FailureDetails = {}) {
    super(code, message, details)
    this.retryable = details.retryable ?? false
    this.retryAfterMs = details.retryAfterMs
    this.#body = details.body ?? ''
  }

  /** Private to this code: a log that prints an error's properties must not print what was not cleaned. */
  get body (): string {
    return this.#body
  }
}

/** The vendor that failed, and what messages must not reveal of it. */
export interface FailureContext {
  /** As configured: `openai`, `ollama`. */
  name: string
  secrets: Secrets
  now: number
}

const RETRYABLE_STATUS = new Set([408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529])
/** The account is out of money; waiting does not fill it. */
const QUOTA = /insufficient_quota|exceeded_current_quota|insufficient[ _](?:balance|credits?|funds)|payment required|billing/i
const RATE = /rate.?limit|too many requests|resource_?exhausted|overloaded_error|quota/i
/** What the one who wrote the prompt can mend. */
const PROMPT = new RegExp([
  'context[ _](?:length|window|size)', 'maximum context', 'max(?:imum)?[ _](?:input|prompt|model)[ _](?:length|len|tokens)', 'too many (?:input )?tokens',
  '(?:prompt|input|request|message|string|content)[^.]{0,40}too (?:long|large|big)', 'string_above_max_length', 'reduce the length',
  'content[ _]?(?:policy|filter|management)', 'content_policy_violation', 'safety', 'moderation', 'flagged',
  'invalid_?prompt', 'invalid[ _](?:base64 )?image', 'image_(?:parse|url)', 'image[^.]{0,60}(?:support|download|parse|decode|process|valid|fetch)',
  '\\bvision\\b', 'must contain the word', 'invalid_function_parameters', 'invalid_json_schema', 'invalid schema'
].join('|'), 'i')

/** What web servers say of an address that they do not have. */
const NO_API = /^(?:404 )?(?:(?:page )?not found)?\.?\s*$/i

/** What an HTTP answer of 300 or above means for a run. */
export function httpFailure (status: number, headers: IncomingHttpHeaders, body: string, context: FailureContext): UpstreamError {
  return interpreted(status, headers, body, context, { status, body })
}

function interpreted (status: number, headers: IncomingHttpHeaders, body: string, context: FailureContext, details: FailureDetails): UpstreamError {
  const payload = parsed(body)
  const words = vendorWords(payload)
  const message = vendorMessage(payload)
  details.retryable = isRetryable(status, headers, words)
  const asked = retryAfterMs(headers, context.now)
  if (asked !== undefined) details.retryAfterMs = asked

  const code = codeOf(status, words)
  if (code === 'server_error') {
    // The credentials are the operator's, and vendors like to quote them.
    if (status === 401 || status === 403) return new UpstreamError(code, `The model provider "${context.name}" refused this server's credentials (HTTP ${status}).`, details)
    if (status < 400) return new UpstreamError(code, `The model provider "${context.name}" answered with a redirect (HTTP ${status}): its base URL is not right.`, details)
    // Not a word of a model or a deployment: another program answers, or the API is elsewhere.
    if (status === 404 && NO_API.test(message ?? '')) return new UpstreamError(code, `The model provider "${context.name}" does not know this request (HTTP 404): is its base URL right? Most end in /v1.`, details)
  }
  const sentence = message === undefined ? '' : publicText(message, context.secrets)
  const otherwise = details.status === undefined ? 'reported an error.' : `answered with HTTP ${status}.`
  return new UpstreamError(code, sentence === '' ? `The model provider "${context.name}" ${otherwise}` : sentence, details)
}

/** An error inside the stream; its `code` may be an HTTP status (OpenRouter, vLLM) or a word. */
export function streamedFailure (body: Record<string, unknown>, context: FailureContext): UpstreamError {
  const error = typeof body.error === 'object' && body.error !== null ? body.error as Record<string, unknown> : body
  const text = JSON.stringify(body)
  const given = Number(error.code ?? error.status_code ?? error.status)
  if (given >= 400 && given <= 599) return httpFailure(given, {}, text, context)
  return interpreted(PROMPT.test(vendorWords(body)) ? 400 : 500, {}, text, context, { body: text })
}

const CONNECTION_SENTENCES: Record<string, string> = {
  ECONNREFUSED: 'refused the connection: is it running?',
  ENOTFOUND: 'could not be found: its host name does not resolve.',
  EAI_AGAIN: 'could not be found: its host name does not resolve.',
  EHOSTUNREACH: 'cannot be reached from this server.',
  ENETUNREACH: 'cannot be reached from this server.',
  UND_ERR_CONNECT_TIMEOUT: 'did not accept a connection in time.',
  ETIMEDOUT: 'did not accept a connection in time.',
  EMFILE: 'could not be asked: this server has as many connections open as it may.',
  ENFILE: 'could not be asked: this server has as many connections open as it may.',
  UND_ERR_CLOSED: 'is shut down.',
  UND_ERR_DESTROYED: 'is shut down.',
  UND_ERR_HEADERS_OVERFLOW: 'sent headers that are too long.'
}
const CUT_OFF = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_ABORTED', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])
const FINAL = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED', 'UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_INVALID_ARG'])

/** The connection closed, or the stream ended, ahead of time. */
export function cutShort (context: FailureContext): UpstreamError {
  return connectionFailure({ code: 'UND_ERR_SOCKET' }, context)
}

/** Turns any failure of a request into an `UpstreamError`. */
export function connectionFailure (thrown: unknown, context: FailureContext): UpstreamError {
  if (thrown instanceof UpstreamError) return thrown
  const { code: given, name } = (thrown ?? {}) as { code?: unknown, name?: unknown }
  const code = String(given ?? '')
  const subject = `The model provider "${context.name}"`
  if (name === 'HTTPParserError') return new UpstreamError('server_error', `${subject} did not answer in HTTP.`, { cause: thrown })
  if (/CERT|SSL|TLS|SIGNATURE/.test(code)) return new UpstreamError('server_error', `${subject} could not be trusted: its TLS certificate was refused (${code}).`, { cause: thrown })
  const sentence = CONNECTION_SENTENCES[code] ?? (CUT_OFF.has(code) ? 'closed the connection before its answer was complete.' : 'could not be asked.')
  const known = code in CONNECTION_SENTENCES || CUT_OFF.has(code)
  return new UpstreamError('server_error', `${subject} ${sentence}`, { cause: thrown, retryable: known && !FINAL.has(code) })
}

function codeOf (status: number, words: string): ModelErrorCode {
  if (status === 402 || status === 429) return 'rate_limit_exceeded'
  if (status === 413) return 'invalid_prompt'
  if ([400, 403, 404, 422].includes(status) && PROMPT.test(words)) return 'invalid_prompt'
  // Some gateways wrap a limit of the vendor behind them in another status.
  return status !== 401 && RATE.test(words) && status >= 400 ? 'rate_limit_exceeded' : 'server_error'
}

function isRetryable (status: number, headers: IncomingHttpHeaders, words: string): boolean {
  const advice = headers['x-should-retry']
  if (advice === 'true' || advice === 'false') return advice === 'true'
  return RETRYABLE_STATUS.has(status) && !(status === 429 && QUOTA.test(words))
}

function parsed (body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // An HTML page of a proxy tells the user nothing; a short plain sentence may.
    return /^\s*</.test(body) || body.trim() === '' ? undefined : body
  }
}

/** What a vendor says of its error, in the API's terms. */
export interface VendorError {
  /** Not cleaned: to look into, not to pass on. */
  message: string
  type: string | undefined
  param: string | undefined
  code: string | undefined
}

const IDENTIFIER = /^[\w.[\]-]{1,128}$/

export function vendorError (body: string): VendorError {
  const payload = parsed(body)
  const { type, param, code } = errorRecord(payload) ?? {}
  const identifier = (value: unknown): string | undefined => typeof value === 'string' && IDENTIFIER.test(value) ? value : undefined
  const place = refusedField(payload)
  return { message: vendorMessage(payload) ?? '', type: identifier(type), param: identifier(param ?? place?.param), code: identifier(code ?? place?.code) }
}

/** FastAPI names a field by its path: `{ detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'] }] }`. */
function refusedField (body: unknown): { param: unknown, code: unknown } | undefined {
  const { detail } = (body ?? {}) as { detail?: unknown }
  const [first] = Array.isArray(detail) ? detail as unknown[] : []
  const { type, loc } = (first ?? {}) as { type?: unknown, loc?: unknown }
  return Array.isArray(loc) ? { param: loc.filter(part => part !== 'body').join('.'), code: type } : undefined
}

/** Message, code and type, by which a kind of error is recognised. Not the whole body, which may quote the prompt. */
function vendorWords (body: unknown): string {
  const error = errorRecord(body)
  return [error?.code, error?.type, error?.status, vendorMessage(body)].filter(word => typeof word === 'string').join(' ')
}

/** The object that describes the error, wherever the vendor puts it. */
function errorRecord (body: unknown): Record<string, unknown> | undefined {
  const first = (Array.isArray(body) ? body[0] : body) as { error?: unknown } | null | undefined
  const error = typeof first?.error === 'object' ? first.error : first
  return typeof error === 'object' && error !== null ? error as Record<string, unknown> : undefined
}

/** The sentence in an error body, in the shapes that vendors use. */
function vendorMessage (body: unknown): string | undefined {
  if (typeof body === 'string') return body === '' ? undefined : body
  if (Array.isArray(body)) return joined(body)
  if (typeof body !== 'object' || body === null) return undefined
  const { error, message, msg, detail, metadata } = body as Record<string, unknown>
  const raw = (metadata as { raw?: unknown } | undefined)?.raw
  // OpenRouter: "Provider returned error", and what the provider said in here.
  if (typeof raw === 'string' && raw !== '') return `${String(message)}: ${vendorMessage(parsed(raw)) ?? ''}`
  return vendorMessage(error) ?? vendorMessage(message) ?? vendorMessage(detail) ?? vendorMessage(msg)
}

function joined (messages: unknown[]): string | undefined {
  const texts = messages.slice(0, 5).map(vendorMessage).filter(text => text !== undefined)
  return texts.length > 0 ? texts.join('; ') : undefined
}

const UNKNOWN_MODEL_CODES = new Set(['model_not_found', 'invalid_model', 'model_not_available'])

/** Whether a provider failed because it has no such model. */
export function isUnknownModel (failure: ModelError): boolean {
  const { status } = failure
  if (status !== 404 && status !== 400) return false
  const vendor = failure instanceof UpstreamError ? vendorError(failure.body) : undefined
  if (UNKNOWN_MODEL_CODES.has(vendor?.code ?? '') || UNKNOWN_MODEL_CODES.has(vendor?.type ?? '')) return true
  return status === 404 && (vendor === undefined || /\bmodels?\b|deployment|endpoints found/i.test(vendor.message))
}
