import type { ProviderOptions } from '../options/runtime.js'

const OLLAMA_URL = 'http://127.0.0.1:11434/v1'
/** An Ollama on this machine answers in milliseconds; one in a container next door within this. */
const PROBE_MS = 1_000

export interface DefaultProvider {
  options: ProviderOptions
  /** A model that is there, for the example request. */
  model: string | undefined
  level: 'info' | 'warn'
  /** For the log: what answers, and why. */
  message: string
}

/** The provider of a server without a configured one: Ollama if it answers, else `echo`. */
export async function defaultProvider (ollamaUrl: string = OLLAMA_URL): Promise<DefaultProvider> {
  const models = await listModels(ollamaUrl)
  if (models !== undefined) {
    return {
      options: { providers: { ollama: { baseURL: ollamaUrl, name: 'ollama' } } },
      model: models.find(model => !model.includes('embed')),
      level: models.length > 0 ? 'info' : 'warn',
      message: `models are served by Ollama at ${ollamaUrl}${models.length > 0 ? '' : ', which has none yet: ollama pull llama3.2'}`
    }
  }
  return {
    options: {},
    model: 'echo',
    level: 'warn',
    message: 'no model endpoint is configured and no Ollama answers ' +
      `at ${ollamaUrl}: the model is "echo", which repeats its prompt; set --base-url or --upstream-key for a real one`
  }
}

/** The names of the models there, undefined when nothing of the kind answers. */
async function listModels (baseUrl: string): Promise<string[] | undefined> {
  try {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/models`, { signal: AbortSignal.timeout(PROBE_MS) })
    const body = await response.json() as { data?: { id: string }[] | null }
    if (!response.ok || typeof body !== 'object') return undefined
    return (body.data ?? []).map(model => model.id)
  } catch {
    return undefined
  }
}
