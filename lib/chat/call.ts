import { badRequest, type ApiError } from '../shared/errors.js'
import type { Logger } from '../shared/log.js'
import { ModelError } from '../models/provider.js'
import type { ModelRegistry, ResolvedModel } from '../models/registry.js'
import type { ValidationResult } from '../shared/validation.js'

/** A client's request to a model. */
export interface Call {
  /** The body as received: JSON, an object. */
  text: string
  /** The same, parsed and not validated. */
  body: Record<string, unknown>
  /** The model that the URL names (an Azure deployment). It takes precedence over the body's. */
  deployment: string | undefined
  /** Aborted when the client has closed the connection, or the server closes. */
  signal: AbortSignal
  /** Aborted when the server closes. */
  closing: AbortSignal
  log: Logger
}

/** What the client receives: an object, or bytes as they come. */
export type Answer = { object: object } | StreamedAnswer

export interface StreamedAnswer {
  status: number
  headers: Record<string, string>
  bytes: AsyncIterable<string | Uint8Array>
  /** Whether each chunk is made of whole server-sent events, so that comments can be sent in between. */
  hasWholeFrames: boolean
  /**
   * What the client receives when `bytes` throws after `tail`, the end of what was sent: a last piece of the stream, or an error. The error
   * is the response as long as nothing was sent, and closes the connection afterwards.
   */
  recover (thrown: unknown, tail: string): ApiError | string
}

/** The model that answers a call. */
export interface Target extends ResolvedModel {
  /** The name that the client used, or the default model's. */
  asked: string
}

export function targetOf (models: ModelRegistry, asked: string | null | undefined): Target {
  try {
    const resolved = models.resolve(asked)
    return { ...resolved, asked: asked || resolved.model }
  } catch (cause) {
    if (!(cause instanceof ModelError)) throw cause
    throw badRequest('Missing required parameter: \'model\'.', { param: 'model', code: 'missing_required_parameter', cause })
  }
}

/** The value of a validation, or its error thrown. */
export function checked<T> (result: ValidationResult<T>): T {
  if (result.error !== undefined) throw result.error
  return result.value
}
