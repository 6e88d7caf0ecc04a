import { HttpClient, resolveTimeouts } from '../models/http/client.js'
import { ModelError } from '../models/provider.js'
import type { Clock } from '../shared/clock.js'

/** A server that rates passages against a query with a cross-encoder. */
export interface RerankerOptions {
  /** What stands before `/rerank`: `https://api.cohere.com/v2`, `https://api.jina.ai/v1`, `http://127.0.0.1:8080` for text-embeddings-inference. */
  baseURL: string
  /** What it speaks: `cohere` (also Jina, Voyage's proxies, vLLM, LocalAI) or `tei` (text-embeddings-inference). Default `cohere`. */
  api?: 'cohere' | 'tei'
  /** The model's name. Required by most servers that speak `cohere`. Default none. */
  model?: string
  /** Sent as a bearer token. Default none. */
  apiKey?: string
  /** Passages that are rated for one search: the first ones by rank, at most 200. Default 50. */
  candidates?: number
  /** How long an answer may take, in milliseconds; after that the passages stay as they are. Default 5,000. */
  timeoutMs?: number
}

const DEFAULT_CANDIDATES = 50
const MAX_CANDIDATES = 200
const MAX_ANSWER_BYTES = 1024 * 1024

/** Rates passages by a server's `/rerank`. */
export class Reranker {
  /** Passages that are rated at the most. */
  readonly candidates: number
  readonly #options: RerankerOptions
  readonly #client: HttpClient

  /** Throws a `TypeError` that names an invalid option. */
  constructor (options: RerankerOptions, clock: Clock) {
    const { baseURL, apiKey, api, candidates = DEFAULT_CANDIDATES, timeoutMs = 5_000 } = options
    if (typeof baseURL !== 'string' || !/^https?:/.test(baseURL) || !URL.canParse(baseURL)) throw new TypeError('Option "retrieval.reranker.baseURL" must be an http(s) URL.')
    if (api !== undefined && api !== 'cohere' && api !== 'tei') throw new TypeError('Option "retrieval.reranker.api" must be \'cohere\' or \'tei\'.')
    this.candidates = Math.max(1, Math.min(MAX_CANDIDATES, candidates))
    this.#options = options
    this.#client = new HttpClient({
      name: 'reranker', baseURL, apiKey, headers: {}, timeouts: resolveTimeouts({ connectMs: timeoutMs, firstTokenMs: timeoutMs }), dispatcher: undefined, clock
    })
  }

  /** How relevant each text is to the query, 0 to 1. Throws a `ModelError`, or the signal's reason. */
  async rate (query: string, texts: readonly string[], signal: AbortSignal): Promise<number[]> {
    const { api = 'cohere', model } = this.#options
    const named = model === undefined ? {} : { model }
    const body = api === 'tei' ? { query, texts, truncate: true } : { ...named, query, documents: texts, top_n: texts.length, return_documents: false }
    const scores = ratings(await this.#client.json('POST', '/rerank', body, signal, MAX_ANSWER_BYTES), texts.length)
    if (scores === undefined) throw new ModelError('server_error', 'The reranker gave an answer that is none.')
    return scores
  }

  async close (): Promise<void> {
    await this.#client.close()
  }
}

/** `[{ index, score }]`, or `{ results: [{ index, relevance_score }] }`. Undefined unless there is one for each text. */
function ratings (answer: unknown, count: number): number[] | undefined {
  const list = Array.isArray(answer) ? answer : (answer as { results?: unknown } | null)?.results
  if (!Array.isArray(list)) return undefined
  const scores = new Array<number | undefined>(count).fill(undefined)
  for (const item of list as { index?: unknown, score?: unknown, relevance_score?: unknown }[]) {
    const score = item?.relevance_score ?? item?.score
    if (typeof item?.index === 'number' && item.index >= 0 && item.index < count && typeof score === 'number') scores[item.index] = Math.min(1, Math.max(0, score))
  }
  return scores.every(score => score !== undefined) ? scores : undefined
}
