import type { ModelRegistry } from '../models/registry.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { Embedder, type EmbeddingOptions } from './embedder.js'

/** Models that `auto` takes, the first one that a provider offers; without the provider's prefix and without a tag (`:latest`). */
export const EMBEDDING_MODELS: readonly string[] = [
  'text-embedding-3-small', 'text-embedding-3-large', 'bge-m3', 'qwen3-embedding', 'embeddinggemma', 'snowflake-arctic-embed2', 'nomic-embed-text-v2-moe', 'nomic-embed-text', 'mxbai-embed-large',
  'snowflake-arctic-embed', 'granite-embedding', 'paraphrase-multilingual', 'bge-large', 'all-minilm', 'mistral-embed', 'gemini-embedding-001', 'text-embedding-004', 'text-embedding-ada-002'
]

/** How long a server without an embedding model is not asked again. */
const ASK_AGAIN_MS = 10 * 60 * 1000

export interface EmbeddingChoiceServices {
  models: Pick<ModelRegistry, 'resolve' | 'list'>
  clock: Clock
  log: Logger
}

/** Which model makes the vectors: the one that the options name, with `auto` the first of `EMBEDDING_MODELS` that is offered, or none. */
export class EmbeddingChoice {
  /** Whether a failure of the model is no failure of a file: it is searched by words then. */
  readonly isAuto: boolean
  readonly #services: EmbeddingChoiceServices
  #chosen: Promise<Embedder | undefined> | undefined
  #askAgainAt = Infinity

  constructor (option: EmbeddingOptions | 'auto' | 'none', services: EmbeddingChoiceServices) {
    this.#services = services
    this.isAuto = option === 'auto'
    if (option === 'none') this.#chosen = Promise.resolve(undefined)
    if (typeof option === 'object') this.#chosen = Promise.resolve(new Embedder(services.models, option))
  }

  /** Undefined: words alone. */
  async current (): Promise<Embedder | undefined> {
    const { clock } = this.#services
    if (this.isAuto && clock.now() >= this.#askAgainAt) this.#chosen = undefined
    this.#chosen ??= this.#choose()
    return await this.#chosen
  }

  async #choose (): Promise<Embedder | undefined> {
    const { models, clock, log } = this.#services
    this.#askAgainAt = Infinity
    const offered = await models.list()
    const model = EMBEDDING_MODELS.flatMap(name => offered.filter(({ id }) => plainName(id) === name))[0]?.id
    if (model !== undefined) {
      log.info({ model }, 'files are searched by words and by an embedding model')
      return new Embedder(models, { model })
    }
    log.info({}, 'no provider offers an embedding model that is known: files are searched by words alone')
    this.#askAgainAt = clock.now() + ASK_AGAIN_MS
    return undefined
  }
}

/** `ollama/nomic-embed-text:latest` is `nomic-embed-text`. */
const plainName = (id: string): string => id.slice(id.lastIndexOf('/') + 1).replace(/:[^:]*$/, '').toLowerCase()
