import { DEFAULT_PROJECT } from '../../storage/layout.js'
import type { ApiKeys } from '../http/auth.js'
import { isLoopback } from '../http/local-only.js'
import type { OpenAICompatibleOptions } from '../models/openai-compatible.js'
import type { ProviderOption } from '../options/options.js'
import type { OpenAIServerConfig } from '../server/options.js'
import type { ConfigFile, FileConfig } from './config-file.js'
import { OperatorError } from './errors.js'
import type { Values } from './settings.js'

const OPENAI_URL = 'https://api.openai.com/v1'

/** The settings of a server without its models' default, which takes a look at the network. */
export interface Configured {
  config: Omit<OpenAIServerConfig, 'logging'>
  logLevel: string
  /** Whether flags, environment or file say where the models are. */
  hasProvider: boolean
}

/** Puts together what flags and environment say, then the file, then the defaults. */
export function configure (values: Values, file: ConfigFile | undefined): Configured {
  const { logLevel = 'info', ...rest } = file?.config ?? {}
  const config: OpenAIServerConfig = { port: 8080, host: '127.0.0.1', storage: 'sqlite:./data/openai-compat.db', console: true, metrics: true, ...rest }
  if (values.port !== undefined) config.port = values.port
  if (values.host !== undefined) config.host = values.host
  if (values.storage !== undefined) config.storage = values.storage
  if (values.apiKeys !== undefined) config.apiKeys = projectsByKey(values.apiKeys)
  if (values.apiKeysFile !== undefined) config.apiKeysFile = values.apiKeysFile
  if (values.requireKeys !== undefined) config.requireApiKeys = values.requireKeys
  if (values.allowedHosts !== undefined) config.allowedHosts = values.allowedHosts
  if (values.defaultModel !== undefined) config.defaultModel = values.defaultModel
  if (values.aliases !== undefined) config.aliases = Object.fromEntries(values.aliases)
  if (values.codeInterpreter !== undefined) config.codeInterpreter = withBackend(config.codeInterpreter, values.codeInterpreter)
  // Elsewhere the variable may be meant for other programs.
  if (values.e2bApiKey !== undefined && typeof config.codeInterpreter === 'object' && config.codeInterpreter.backend === 'e2b') {
    config.codeInterpreter = { ...config.codeInterpreter, e2b: { ...config.codeInterpreter.e2b, apiKey: values.e2bApiKey } }
  }
  if (values.noConsole !== undefined) config.console = !values.noConsole
  if (values.leaseMs !== undefined) config.limits = { ...config.limits, leaseMs: values.leaseMs }
  if (values.runExpiresS !== undefined) config.limits = { ...config.limits, runExpiresS: values.runExpiresS }
  if (values.baseUrl !== undefined || values.upstreamKey !== undefined) withUpstream(config, values)
  return {
    config,
    logLevel: values.logLevel ?? logLevel,
    hasProvider: config.provider !== undefined || Object.keys(config.providers ?? {}).length > 0
  }
}

/** A sandbox by name takes the place of the file's, and what else the file says of the code interpreter stays. */
function withBackend (filed: OpenAIServerConfig['codeInterpreter'], given: NonNullable<Values['codeInterpreter']>): NonNullable<OpenAIServerConfig['codeInterpreter']> {
  return typeof filed === 'object' && given !== 'off' ? { ...filed, backend: 'auto', ...given === 'auto' ? {} : given } : given
}

/**
 * The provider `openai` of flags and environment. It is the one for models without a prefix unless the file names
 * another, takes the place of the file's unnamed one, and keeps what else the file says of it (headers, time-outs).
 */
function withUpstream (config: OpenAIServerConfig, { baseUrl, upstreamKey }: Values): void {
  const filed = settingsOf(config.provider) ?? settingsOf(config.providers?.openai)
  const openai: OpenAICompatibleOptions = { baseURL: OPENAI_URL, ...filed }
  if (baseUrl !== undefined) openai.baseURL = baseUrl
  if (isOwnAddress(openai.baseURL, config)) {
    throw new OperatorError(`The models' base URL ${openai.baseURL} is this server's own address: it is the model server's that is wanted (is OPENAI_BASE_URL set for a client?).`)
  }
  if (upstreamKey !== undefined) openai.apiKey = upstreamKey
  delete config.provider
  config.providers = { ...config.providers, openai }
  config.defaultProvider ??= 'openai'
}

/** The variable that tells clients of this server where it is, set for the server too, would make it call itself. */
function isOwnAddress (baseUrl: string, { host, port }: OpenAIServerConfig): boolean {
  if (!URL.canParse(baseUrl)) return false
  const url = new URL(baseUrl)
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const isHere = hostname === host || (isLoopback(hostname) && (isLoopback(host!) || host === '0.0.0.0' || host === '::'))
  return isHere && url.protocol === 'http:' && Number(url.port || 80) === port
}

function settingsOf (provider: ProviderOption | undefined): OpenAICompatibleOptions | undefined {
  return provider !== undefined && 'baseURL' in provider ? provider as OpenAICompatibleOptions : undefined
}

function projectsByKey (keys: NonNullable<Values['apiKeys']>): ApiKeys {
  const projects = new Map<string, string>()
  for (const [key, project = DEFAULT_PROJECT] of keys) {
    if ((projects.get(key) ?? project) !== project) throw new OperatorError('One API key is given to two projects: use a key for each.')
    projects.set(key, project)
  }
  return Object.fromEntries(projects)
}

/** Whether the server lets everybody in. */
export function isOpen ({ apiKeys, apiKeysFile }: FileConfig): boolean {
  if (apiKeysFile !== undefined) return false
  return apiKeys === undefined || (typeof apiKeys === 'object' && Object.keys(apiKeys).length === 0)
}
