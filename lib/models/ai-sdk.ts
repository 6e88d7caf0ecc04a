import { callOptions } from './ai-sdk/prompt.js'
import { AiSdkTranslator } from './ai-sdk/translator.js'
import type { AiSdkEmbeddingModel, AiSdkModel, AiSdkReadable, AiSdkStreamPart } from './ai-sdk/types.js'
import type { Origin } from './chat/opaque.js'
import { InProcessCaller, type ChunkStream, type InProcessOptions } from './in-process/call.js'
import { foreignFailure } from './in-process/failure.js'
import { ModelError, type EmbedOptions, type ModelInfo, type ModelProvider, type ModelRequest, type StreamOptions } from './provider.js'

export type { AiSdkEmbeddingModel, AiSdkModel } from './ai-sdk/types.js'

export interface AiSdkProviderOptions extends InProcessOptions {
  /** For `embed`; a function is given the requested name. Default: no embeddings. */
  embeddingModel?: AiSdkEmbeddingModel | ((name: string) => AiSdkEmbeddingModel)
}

const FIRST_VERSION = 2
const DEFAULT_EMBEDDING_BATCH = 128

/**
 * Any AI SDK language model of specification v2 or later. One model answers to every name; a function is given the name and
 * returns the model:
 *
 *     aiSdkProvider(anthropic('claude-sonnet-4-5'))
 *     aiSdkProvider(name => anthropic(name), { models: ['claude-sonnet-4-5'] })
 *
 * Images by URL are passed on as URLs, never fetched from here. Throws a `TypeError` for something that is no such model.
 */
export function aiSdkProvider (model: AiSdkModel | ((name: string) => AiSdkModel), options: AiSdkProviderOptions = {}): ModelProvider {
  if (typeof model !== 'function') versionOf(model)
  const caller = new InProcessCaller('ai-sdk', options)
  const { embeddingModel } = options

  function resolved (name: string): AiSdkModel {
    try {
      const found = typeof model === 'function' ? model(name) : model
      versionOf(found)
      return found
    } catch (thrown) {
      throw foreignFailure(thrown, caller.context)
    }
  }

  async function * stream (request: ModelRequest, { signal, reasoning = true }: StreamOptions): ReturnType<ModelProvider['stream']> & AsyncGenerator {
    signal.throwIfAborted()
    const chosen = resolved(request.model)
    const origin: Origin = `${chosen.provider}/${chosen.modelId}`
    yield * caller.stream({
      open: async abortSignal => pulled((await chosen.doStream({ ...callOptions(request, versionOf(chosen), origin), abortSignal })).stream),
      translator: () => new AiSdkTranslator(origin, reasoning),
      explain: thrown => foreignFailure(thrown, caller.context)
    }, signal)
  }

  async function embed ({ model: name, input, dimensions }: { model: string, input: string[], dimensions?: number }, { signal, onTokens }: EmbedOptions): Promise<number[][]> {
    const embedder = typeof embeddingModel === 'function' ? embeddingModel(name) : embeddingModel!
    const batch = Math.min(await embedder.maxEmbeddingsPerCall ?? DEFAULT_EMBEDDING_BATCH, input.length)
    const vectors: number[][] = []
    while (vectors.length < input.length) {
      const values = input.slice(vectors.length, vectors.length + batch)
      const providerOptions = dimensions === undefined ? {} : { providerOptions: { openai: { dimensions } } }
      const { embeddings, usage } = await caller.retried(signal, async () => {
        try {
          return await embedder.doEmbed({ values, abortSignal: signal, ...providerOptions })
        } catch (thrown) {
          throw foreignFailure(thrown, caller.context)
        }
      })
      if (embeddings.length !== values.length) throw new ModelError('server_error', `The model provider "${caller.context.name}" did not answer with one vector per input.`)
      vectors.push(...embeddings)
      if (usage !== undefined) onTokens?.(usage.tokens)
    }
    return vectors
  }

  return {
    stream,
    models: async () => modelsOf(model, options.models),
    ...(embeddingModel === undefined ? {} : { embed })
  }
}

function modelsOf (model: AiSdkModel | ((name: string) => AiSdkModel), names: string[] | undefined): ModelInfo[] {
  if (typeof model === 'function') return (names ?? []).map(id => ({ id, created: 0, ownedBy: 'ai-sdk' }))
  return (names ?? [model.modelId]).map(id => ({ id, created: 0, ownedBy: model.provider }))
}

function pulled (stream: AiSdkReadable): ChunkStream<AiSdkStreamPart> {
  const reader = stream.getReader()
  return {
    next: async () => {
      const { done, value } = await reader.read()
      return done ? undefined : value as AiSdkStreamPart
    },
    leave: () => { reader.cancel().catch(() => {}) }
  }
}

/** 2, 3, 4, ... A version newer than we know is taken for the newest that we do: they have grown, so far, by what can be left out. */
function versionOf (model: unknown): number {
  const { specificationVersion, doStream } = (model ?? {}) as Partial<AiSdkModel>
  const version = Number(/^v(\d+)$/.exec(String(specificationVersion))?.[1])
  if (typeof doStream === 'function' && version >= FIRST_VERSION) return version
  throw new TypeError('An AI SDK language model of specification v2 or later is needed (AI SDK 5 or later), or a function that returns one.')
}
