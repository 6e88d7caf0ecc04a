import { createHash } from 'node:crypto'
import type { EmbedOptions } from '../models/provider.js'
import type { ModelRegistry } from '../models/registry.js'
import { cosine } from './index/store-vectors.js'

export interface EmbeddingOptions {
  /** A model's name, as in a run: `text-embedding-3-small`, `ollama/nomic-embed-text`, an alias. */
  model: string
  /** For models that can give vectors of several lengths. Default: the model's own. */
  dimensions?: number
  /** Texts in one request. Default 64. */
  batchSize?: number
}

/** Memory for vectors of texts that were embedded before, in bytes. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024
/** In texts that the vendor does not count. */
const BYTES_PER_TOKEN = 4
/** Sentences that have nothing to do with one another. */
const UNRELATED = [
  'The ferry to the island leaves twice a day in summer.', 'Whisk the egg whites until they are stiff.', 'Der Mieter zahlt die Kaution in drei Raten.', 'The compiler rejects a program with a type error.',
  'La vaccination protège les nourrissons contre la rougeole.', 'Interest on the loan is due every quarter.', 'El portero detuvo dos penaltis en la final.', 'Granite is formed when magma cools slowly.'
]

/** Texts as vectors, by a model that the registry knows. A text is embedded once, as long as its vector is kept in memory. */
export class Embedder {
  readonly #models: Pick<ModelRegistry, 'resolve'>
  readonly #options: EmbeddingOptions
  /** By a hash of the text; those used last at the end. */
  readonly #kept = new Map<string, Float32Array>()
  #keptBytes = 0
  #floor: Promise<number> | undefined

  constructor (models: Pick<ModelRegistry, 'resolve'>, options: EmbeddingOptions) {
    this.#models = models
    this.#options = options
  }

  /** Vectors can be compared when they were made under the same name. */
  get name (): string {
    const { model, dimensions } = this.#options
    return dimensions === undefined ? model : `${model} (${dimensions})`
  }

  /**
   * A vector for each text. Throws a `ModelError`, or the signal's reason.
   *
   * @param onTokens is called with the tokens of each request: as the vendor counts them, else one for each four bytes
   */
  async embed (texts: readonly string[], signal: AbortSignal, onTokens?: (tokens: number) => void): Promise<Float32Array[]> {
    const keys = texts.map(text => createHash('sha256').update(text).digest('base64'))
    const found = new Map<string, Float32Array>()
    const missing = new Map<string, string>()
    for (const [i, key] of keys.entries()) {
      const vector = this.#use(key)
      if (vector === undefined) missing.set(key, texts[i]!)
      else found.set(key, vector)
    }
    const { batchSize = 64 } = this.#options
    const asked = [...missing]
    for (let i = 0; i < asked.length; i += batchSize) {
      const batch = asked.slice(i, i + batchSize)
      const vectors = await this.#ask(batch.map(([, text]) => text), { signal, ...onTokens === undefined ? {} : { onTokens } })
      for (const [k, [key]] of batch.entries()) {
        const vector = Float32Array.from(vectors[k]!)
        found.set(key, vector)
        this.#keep(key, vector)
      }
    }
    return keys.map(key => found.get(key)!)
  }

  /**
   * The cosine of texts that have nothing in common. It differs from model to model, from near 0 to 0.8, and is measured once. 0 while the
   * model does not answer.
   */
  async floor (signal: AbortSignal): Promise<number> {
    this.#floor ??= this.#measureFloor(signal).catch(() => {
      this.#floor = undefined
      return 0
    })
    return await this.#floor
  }

  async #measureFloor (signal: AbortSignal): Promise<number> {
    const vectors = await this.embed(UNRELATED, signal)
    const cosines = vectors.flatMap((one, i) => vectors.slice(i + 1).map(other => cosine(one, other)))
    const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length
    const deviation = Math.sqrt(cosines.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cosines.length)
    return Math.min(0.95, Math.max(0, mean + deviation))
  }

  /** The model's name as in the options. */
  get model (): string {
    return this.#options.model
  }

  async #ask (input: string[], { signal, onTokens }: EmbedOptions): Promise<number[][]> {
    const { model: name, dimensions } = this.#options
    const { provider, model } = this.#models.resolve(name)
    if (provider.embed === undefined) throw new Error(`The provider of the model "${name}" has no embeddings.`)
    let counted: number | undefined
    const count = (tokens: number): void => { counted = (counted ?? 0) + tokens }
    const vectors = await provider.embed({ model, input, ...dimensions === undefined ? {} : { dimensions } }, { signal, onTokens: count })
    onTokens?.(counted ?? Math.ceil(input.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0) / BYTES_PER_TOKEN))
    return vectors
  }

  #use (key: string): Float32Array | undefined {
    const vector = this.#kept.get(key)
    if (vector === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, vector)
    return vector
  }

  #keep (key: string, vector: Float32Array): void {
    // Another one may have embedded the text meanwhile.
    this.#keptBytes += vector.byteLength - (this.#use(key)?.byteLength ?? 0)
    this.#kept.set(key, vector)
    for (const [oldest, { byteLength }] of this.#kept) {
      if (this.#keptBytes <= MAX_KEPT_BYTES) return
      this.#kept.delete(oldest)
      this.#keptBytes -= byteLength
    }
  }
}
