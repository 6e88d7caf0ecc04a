import { badRequest } from '../shared/errors.js'
import type { Logger } from '../shared/log.js'
import { ModelError } from '../models/provider.js'
import type { ModelRegistry, ResolvedModel } from '../models/registry.js'
import type { ValidationResult } from '../shared/validation.js'

/** A client's request on its way to a model. */
export interface Call {
  /** The body as it came: JSON, an object. */
  text: string
  /** The same, parsed. Nothing in it was checked. */
  body: Record<string, unknown>
  /** The model that the address names (Azure's deployments); it wins over the body's. */
  deployment: string | undefined
  /** Aborted when there is nobody to answer any more: the client has left, or the server closes. */
  signal: AbortSignal
  /** Aborted when the server closes. */
  closing: AbortSignal
  log: Logger
}

/** What the client gets: an object, or bytes as they come. */
export type Answer =
  | { object: object }
  | { status: number, headers: Record<string, string>, bytes: AsyncIterable<string | Uint8Array> }

/** Who answers a call. */
export interface Target extends ResolvedModel {
  /** The name that the client used, if it used one. */
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
