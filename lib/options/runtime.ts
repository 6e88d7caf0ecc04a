import { providerOf, type OpenAICompatOptions, type ProviderOption } from './options.js'

/** What says which models there are, in the plugin's options. */
export type ProviderOptions = Pick<OpenAICompatOptions, 'provider' | 'providers' | 'defaultProvider' | 'defaultModel' | 'aliases'>

/**
 * What answers: a model provider, `{ baseURL, apiKey }` of an OpenAI-compatible endpoint, a Cogitator instance, an AI SDK
 * language model, or several providers by name with their aliases. Undefined: what the other options say, and `echo` when they say nothing.
 */
export type Runtime = ProviderOption | ProviderOptions | undefined

const PROVIDER_OPTIONS: readonly string[] = ['provider', 'providers', 'defaultProvider', 'defaultModel', 'aliases'] satisfies (keyof ProviderOptions)[]

/** The runtime as plugin options: the one place that tells the kinds apart. */
export function runtimeOptions (runtime: Runtime): ProviderOptions {
  if (runtime === undefined) return {}
  if (typeof runtime === 'object' && runtime !== null) {
    // As it was given: what is made of it belongs to each start of the server, and is closed with it.
    if (providerOf(runtime) !== undefined) return { provider: runtime as ProviderOption }
    if (Object.keys(runtime).every(key => PROVIDER_OPTIONS.includes(key))) return runtime as ProviderOptions
  }
  throw new TypeError('The runtime must be a model provider, { baseURL, apiKey } of an OpenAI-compatible endpoint, a Cogitator instance, an AI SDK language model, or { providers }.')
}
