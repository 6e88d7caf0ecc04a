import type { ChunkingStrategyParam } from '../../schemas/tools.js'
import type { StaticChunkingStrategy } from '../../schemas/vector-stores.js'
import { badRequest } from '../shared/errors.js'

const AUTO = { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 }

/** The strategy with its numbers, as in responses. Throws the 400 when the overlap exceeds half of the chunk size. */
export function chunkingStrategy (given: ChunkingStrategyParam | undefined, path = 'chunking_strategy'): StaticChunkingStrategy {
  if (given?.type !== 'static') return { type: 'static', static: { ...AUTO } }
  const { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap } = given.static
  if (overlap > size / 2) {
    throw badRequest(`Invalid '${path}.static.chunk_overlap_tokens': integer above maximum value. Expected a value <= ${Math.floor(size / 2)}, but got ${overlap} instead.`,
      { param: `${path}.static.chunk_overlap_tokens`, code: 'integer_above_max_value' })
  }
  return { type: 'static', static: { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap } }
}
