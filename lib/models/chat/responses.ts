import type { ModelInfo } from '../provider.js'

/** The models in an answer to `GET /models`, undefined when it is something else. Together answers with a bare array. */
export function modelsOf (answer: unknown, ownedBy: string): ModelInfo[] | undefined {
  const list = Array.isArray(answer) ? answer : (answer as { data?: unknown } | null)?.data
  // Ollama without any model says null.
  if (list === null) return []
  if (!Array.isArray(list)) return undefined
  return list.filter(model => typeof model?.id === 'string').map(model => ({
    id: model.id,
    created: Number.isInteger(model.created) ? model.created : 0,
    ownedBy: typeof model.owned_by === 'string' && model.owned_by !== '' ? model.owned_by : ownedBy
  }))
}

/** The vectors in an answer to `POST /embeddings`, in the order of the inputs; undefined unless there are `count`. */
export function vectorsOf (answer: unknown, count: number): number[][] | undefined {
  const data = (answer as { data?: unknown } | null)?.data
  if (!Array.isArray(data) || data.length !== count) return undefined
  const ordered = data.every(item => Number.isInteger(item?.index)) ? data.toSorted((a, b) => a.index - b.index) : data
  const vectors: (number[] | undefined)[] = ordered.map(item => vectorOf(item?.embedding))
  return vectors.every(vector => vector !== undefined) ? vectors : undefined
}

/** The tokens that an answer to `POST /embeddings` counts, undefined when it does not. */
export function tokensOf (answer: unknown): number | undefined {
  const { total_tokens: total, prompt_tokens: prompt } = (answer as { usage?: Record<string, unknown> | null } | null)?.usage ?? {}
  return [total, prompt].find(tokens => typeof tokens === 'number' && tokens >= 0) as number | undefined
}

/** Some servers answer in base64 (little-endian float32) even when asked for numbers. */
function vectorOf (embedding: unknown): number[] | undefined {
  if (Array.isArray(embedding)) return embedding.every(value => typeof value === 'number') ? embedding : undefined
  if (typeof embedding !== 'string') return undefined
  const bytes = Buffer.from(embedding, 'base64')
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readFloatLE(index * 4))
}
