import { cogitatorRequest } from './cogitator/request.js'
import { runOnce } from './cogitator/run.js'
import { CogitatorTranslator } from './cogitator/translator.js'
import type { CogitatorChunk, CogitatorLike } from './cogitator/types.js'
import { InProcessCaller, type ChunkStream, type InProcessOptions } from './in-process/call.js'
import { foreignFailure } from './in-process/failure.js'
import { ModelError, type ModelProvider, type ModelRequest } from './provider.js'

export type { CogitatorLike } from './cogitator/types.js'

/** The model that `@cogitator-ai/openai-compat` lists, and that assistants made with it may name: it stands for the default model. */
export const COGITATOR_MODEL_ID = 'cogitator'

export interface CogitatorProviderOptions extends InProcessOptions {
  /** What the model `cogitator` stands for. Default: the default model of the instance's own configuration. */
  defaultModel?: string
}

/**
 * The models of a Cogitator instance, through its backends. A model is named as there: `openai/gpt-4o`, or without a prefix for
 * the instance's default provider; `cogitator` is the default model. Cogitator lists no models: give the names for `GET /models` in
 * `options.models`, otherwise it has `cogitator` and the default model.
 *
 * Reasoning effort, parallel-call and strict settings have no counterpart there and are left out. A call that is
 * aborted before its first chunk ends here at once, but Cogitator notices only when that chunk comes. Throws a `TypeError` for
 * something that is no Cogitator.
 */
export function cogitatorProvider (cogitator: CogitatorLike, options: CogitatorProviderOptions = {}): ModelProvider {
  if (typeof cogitator?.getLLMBackend !== 'function' && typeof cogitator?.run !== 'function') {
    throw new TypeError('A Cogitator instance is needed: an object with getLLMBackend() or run().')
  }
  const caller = new InProcessCaller('cogitator', options)
  const defaultModel = options.defaultModel ?? configuredModel(cogitator)

  function open (asked: ModelRequest, signal: AbortSignal): ChunkStream<CogitatorChunk> {
    if (asked.model === COGITATOR_MODEL_ID && defaultModel === undefined) {
      throw new ModelError('server_error', 'The model "cogitator" stands for the default model, which is not set: set "defaultModel".')
    }
    const request = asked.model === COGITATOR_MODEL_ID ? { ...asked, model: defaultModel as string } : asked
    if (typeof cogitator.getLLMBackend !== 'function') return runOnce(cogitator.run!.bind(cogitator), request, signal)
    const backend = cogitator.getLLMBackend(request.model)
    const chunks = backend.chatStream(cogitatorRequest(request, modelName(request.model, backend.provider), backend.provider))
    return {
      next: async () => {
        const { done, value } = await chunks.next()
        return done === true ? undefined : value as CogitatorChunk
      },
      // Queues behind a chunk that is still awaited, so its result is not awaited.
      leave: () => { chunks.return(undefined).catch(() => {}) }
    }
  }

  return {
    async * stream (request, { signal }) {
      yield * caller.stream({
        open: async abortSignal => open(request, abortSignal),
        translator: () => new CogitatorTranslator(),
        explain: thrown => foreignFailure(thrown, caller.context)
      }, signal)
    },

    models: async () => (options.models ?? [COGITATOR_MODEL_ID, ...defaultModel === undefined ? [] : [defaultModel]]).map(id => ({ id, created: 0, ownedBy: id.includes('/') ? id.slice(0, id.indexOf('/')) : 'cogitator' }))
  }
}

/** TypeScript hides the configuration, so it may be anything. */
function configuredModel (cogitator: object): string | undefined {
  const { config } = cogitator as { config?: { llm?: { defaultModel?: unknown } | null } | null }
  const model = config?.llm?.defaultModel
  return typeof model === 'string' && model !== '' && model !== COGITATOR_MODEL_ID ? model : undefined
}

/** Backends want the name without the prefix that chose them. */
function modelName (name: string, provider: string | undefined): string {
  const slash = name.indexOf('/')
  return slash !== -1 && (provider === undefined || name.slice(0, slash) === provider) ? name.slice(slash + 1) : name
}
