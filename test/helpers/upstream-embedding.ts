import { createHash } from 'node:crypto'

const DEFAULT_DIMENSIONS = 64

/**
 * A deterministic unit vector: each word adds to a few places picked by its hash, so that texts which share words
 * are near one another and a retrieval test can foretell the order.
 */
export function embedText (input: string, dimensions = DEFAULT_DIMENSIONS): number[] {
  const vector = new Array<number>(dimensions).fill(0)
  for (const word of input.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    const hash = createHash('sha256').update(word).digest()
    for (let place = 0; place < 4; place++) {
      const index = hash.readUInt32BE(place * 4) % dimensions
      vector[index] = (vector[index] ?? 0) + (hash[16 + place]! % 2 === 0 ? 1 : -1)
    }
  }
  const length = Math.hypot(...vector)
  if (length === 0) return vector.fill(1 / Math.sqrt(dimensions))
  return vector.map(value => value / length)
}

/** The answer to `POST /v1/embeddings`, in floats or base64 (little-endian float32) as asked. */
export function embeddingAnswer (body: any): Record<string, unknown> {
  const inputs: string[] = Array.isArray(body.input) ? body.input : [body.input]
  const data = inputs.map((input, index) => {
    const vector = embedText(String(input), body.dimensions)
    const embedding = body.encoding_format === 'base64' ? Buffer.from(Float32Array.from(vector).buffer).toString('base64') : vector
    return { object: 'embedding', index, embedding }
  })
  const tokens = inputs.join(' ').split(/\s+/).length
  return { object: 'list', data, model: body.model, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}
