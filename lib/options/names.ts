import type { OpenAICompatOptions } from './options.js'

/**
 * Every option of the plugin by name. An option that the plugin gains is added here, or the types do not check: a
 * misspelt `apiKeys` must not leave a server open.
 */
const PLUGIN_OPTIONS: Record<keyof OpenAICompatOptions, true> = {
  prefix: true,
  provider: true,
  providers: true,
  defaultProvider: true,
  defaultModel: true,
  aliases: true,
  storage: true,
  blobs: true,
  downloads: true,
  retrieval: true,
  thinking: true,
  history: true,
  annotationOffsets: true,
  apiKeys: true,
  apiKeysFile: true,
  requireApiKeys: true,
  allowedHosts: true,
  audit: true,
  quotas: true,
  prices: true,
  metrics: true,
  overload: true,
  cors: true,
  tools: true,
  builtInTools: true,
  codeInterpreter: true,
  foundryTools: true,
  toolAccess: true,
  lockMode: true,
  webhooks: true,
  passthrough: true,
  unknownParameters: true,
  requireBetaHeader: true,
  limits: true,
  streams: true,
  clock: true
}

export const PLUGIN_OPTION_NAMES: readonly string[] = Object.keys(PLUGIN_OPTIONS)

/** Throws a TypeError for the first option that does not exist. */
export function refuseUnknown (options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new TypeError(`Option "${name}" does not exist. There are: ${names.join(', ')}.`)
  }
}
