import type { ModelRegistry } from '../models/registry.js'
import { editObject } from '../models/http/json-text.js'
import type { ForwardAnswer, ModelProvider } from '../models/provider.js'
import { ApiError, badRequest } from '../shared/errors.js'
import { targetOf, type Answer, type Call, type Target } from './call.js'
import { callFailure } from './failure.js'
import { answerOf } from './forward.js'
import { editModelField } from './multipart-model.js'

export const PASSTHROUGH_METHODS = ['GET', 'POST', 'DELETE'] as const

/** A request to an operation that this server does not have itself. */
export interface PassthroughCall extends Pick<Call, 'signal' | 'closing' | 'log'> {
  method: typeof PASSTHROUGH_METHODS[number]
  /** Behind the prefix, as the client wrote it, without a query: `/audio/speech`. */
  path: string
  /** With its question mark, or empty. */
  query: string
  body: Buffer | undefined
  contentType: string | undefined
}

/** Segments that URLs resolve: they would lead out of what the operator has allowed. */
const DOTS = /(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\]|$)/i

/**
 * Requests passed on to a provider with nothing changed but the model's name, which decides the provider, in JSON and in forms. Without a
 * model the default provider gets them.
 */
export class Passthrough {
  readonly #models: ModelRegistry

  constructor (models: ModelRegistry) {
    this.#models = models
  }

  /** Throws `ApiError`. */
  async send (call: PassthroughCall): Promise<Answer> {
    if (DOTS.test(call.path) || /%(?:2f|5c)/i.test(call.path)) throw new ApiError(404, `Invalid URL (${call.method} ${call.path})`)
    const { target, body } = this.#addressed(call)
    const { provider, providerName } = target
    if (provider.passthrough === undefined) {
      throw new ApiError(404, `The provider '${providerName}' has no ${call.method} ${call.path}.`, { code: 'unsupported_operation' })
    }
    const explain = (thrown: unknown): ApiError => callFailure(thrown, target.asked, call)
    let answer: ForwardAnswer
    try {
      answer = await passed(provider.passthrough.bind(provider), call, body)
    } catch (thrown) {
      throw explain(thrown)
    }
    return answerOf(answer, explain, call.log)
  }

  #addressed ({ body, contentType = '' }: PassthroughCall): { target: Target, body: string | Buffer | undefined } {
    if (body === undefined || body.length === 0) return { target: this.#byDefault(), body: undefined }
    if (/^application\/([\w.-]+\+)?json\b/i.test(contentType)) {
      const text = body.toString()
      const model = modelOf(text)
      if (model === undefined) return { target: this.#byDefault(), body: text }
      const target = targetOf(this.#models, model)
      return { target, body: editObject(text, { model: target.model }) }
    }
    let target: Target | undefined
    const edited = editModelField(body, contentType, model => {
      target = targetOf(this.#models, model)
      return target.model
    })
    return { target: target ?? this.#byDefault(), body: edited }
  }

  #byDefault (): Target {
    return { ...this.#models.fallback(), model: '', asked: '' }
  }
}

async function passed (passthrough: NonNullable<ModelProvider['passthrough']>, { method, path, query, contentType, signal }: PassthroughCall, body: string | Buffer | undefined): Promise<ForwardAnswer> {
  return await passthrough({ method, path, query, ...body === undefined ? {} : { body }, ...contentType === undefined || body === undefined ? {} : { contentType } }, { signal })
}

/** The model that a body names. Throws the 400 for a body that is no JSON object. */
function modelOf (text: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw badRequest('We could not parse the JSON body of your request: what was sent is not valid JSON.', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('Invalid body: expected an object.')
  const { model } = value as { model?: unknown }
  return typeof model === 'string' && model !== '' ? model : undefined
}
