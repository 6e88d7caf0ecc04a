import type { ModelRegistry } from '../models/registry.js'

export interface EmbeddingOptions {
  /** A model's name, as in a run: `text-embedding-3-small`, `ollama/nomic-embed-text`, an alias. */
  model: string
  /** For models that can give vectors of several lengths. Default: the model's own. */
  dimensions?: number
  /** Texts in one request. Default 64. */
  batchSize?: number
}

/** Texts as vectors, by a model that the registry knows. */
export class Embedder {
  readonly #models: Pick<ModelRegistry, 'resolve'>
  readonly #options: EmbeddingOptions

  constructor (models: Pick<ModelRegistry, 'resolve'>, options: EmbeddingOptions) {
    this.#models = models
    this.#options = options
  }

  /** Vectors can be compared when they were made under the same name. */
  get name (): string {
    const { model, dimensions } = this.#options
    return dimensions === undefined ? model : `${model} (${dimensions})`
  }

  /** A vector for each text. Throws a `ModelError`, or the signal's reason. */
  async embed (texts: readonly string[], signal: AbortSignal): Promise<number[][]> {
    const { model: name, dimensions, batchSize = 64 } = this.#options
    const { provider, model } = this.#models.resolve(name)
    if (provider.embed === undefined) throw new Error(`The provider of the model "${name}" has no embeddings.`)
    const vectors: number[][] = []
    for (let i = 0; i < texts.length; i += batchSize) {
      vectors.push(...await provider.embed({ model, input: texts.slice(i, i + batchSize), ...dimensions === undefined ? {} : { dimensions } }, { signal }))
    }
    return vectors
  }
}
