import type { ModelPart, ModelProvider, ModelRequest, StreamOptions } from './provider.js'

/** The stream of one model call in batches: the provider's own where it has them, else one part each. */
export function streamBatches (provider: ModelProvider, request: ModelRequest, options: StreamOptions): AsyncIterable<readonly ModelPart[]> {
  return provider.streamBatches?.(request, options) ?? onePartEach(provider.stream(request, options))
}

async function * onePartEach (parts: AsyncIterable<ModelPart>): AsyncGenerator<readonly ModelPart[], void, undefined> {
  for await (const part of parts) yield [part]
}

/** The parts of a stream of batches. Throws the signal's reason once it is aborted. */
export async function * eachPart (batches: AsyncIterable<readonly ModelPart[]>, signal: AbortSignal): AsyncGenerator<ModelPart, void, undefined> {
  for await (const batch of batches) {
    for (const part of batch) {
      yield part
      signal.throwIfAborted()
    }
  }
}
