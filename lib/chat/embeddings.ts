import { CreateEmbeddingRequest, type EmbeddingInput, type EmbeddingList } from '../../schemas/embeddings.js'
import { ModelCall } from '../../schemas/chat.js'
import { ApiError, badRequest } from '../shared/errors.js'
import { UpstreamError } from '../models/http/failure.js'
import type { ModelRegistry } from '../models/registry.js'
import { compileValidator } from '../shared/validation.js'
import { checked, targetOf, type Answer, type Call, type Target } from './call.js'
import { callFailure } from './failure.js'
import { forward } from './forward.js'

const checkCall = compileValidator(ModelCall, 'body', { unknownParameters: 'ignore' })
const checkRequest = compileValidator(CreateEmbeddingRequest, 'body', { unknownParameters: 'ignore' })

/** `POST /embeddings` (API reference, "Embeddings"), passed on or translated as chat completions are. */
export class Embeddings {
  readonly #models: ModelRegistry

  constructor (models: ModelRegistry) {
    this.#models = models
  }

  /** Throws `ApiError`. */
  async create (call: Call): Promise<Answer> {
    const target = targetOf(this.#models, call.deployment ?? checked(checkCall(call.body)).model)
    const { provider } = target
    if (provider.forward === undefined) return { object: await translate(target, call) }
    return await forward(target, provider.forward.bind(provider), '/embeddings', call).catch((error: unknown) => {
      throw hasNoEmbeddings(error) ? noEmbeddings(target) : error
    })
  }
}

async function translate (target: Target, call: Call): Promise<EmbeddingList> {
  const { provider, model, asked } = target
  if (provider.embed === undefined) throw noEmbeddings(target)
  const { input, dimensions, encoding_format: format } = checked(checkRequest(call.body))
  const request = { model, input: textsOf(input), ...(dimensions == null ? {} : { dimensions }) }
  const vectors = await provider.embed(request, { signal: call.signal }).catch((thrown: unknown) => { throw callFailure(thrown, asked, call) })
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: format === 'base64' ? base64(vector) : vector })),
    model,
    // The provider did not count.
    usage: { prompt_tokens: 0, total_tokens: 0 }
  }
}

function textsOf (input: EmbeddingInput): string[] {
  return [input].flat().map(text => {
    if (typeof text === 'string') return text
    throw badRequest('Invalid \'input\': this model takes text, not tokens.', { param: 'input', code: 'invalid_value' })
  })
}

/** Little-endian float32, which is what the SDKs decode. */
function base64 (vector: number[]): string {
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4))
  return bytes.toString('base64')
}

/** A vendor that has no such address. That the base URL is wrong would show in everything else too. */
function hasNoEmbeddings (error: unknown): boolean {
  const cause = error instanceof ApiError && error.code !== 'model_not_found' ? error.cause : undefined
  return cause instanceof UpstreamError && [404, 405, 501].includes(cause.status ?? 0)
}

function noEmbeddings ({ providerName, asked }: Target): ApiError {
  return badRequest(`The model '${asked}' cannot be used for embeddings: its provider '${providerName}' has none.`, { param: 'model', code: 'unsupported_model' })
}
