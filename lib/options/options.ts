import type { BlobStore } from '../../storage/blob-store.js'
import { checkedOverload, type OverloadOptions } from '../http/overload-options.js'
import type { Audit } from '../http/audit-entry.js'
import { checkedMetrics, type MetricsOption } from '../http/metrics-option.js'
import { isOpen, type ApiKeys } from '../http/auth.js'
import { knownKeys } from '../http/keys.js'
import { checkedPrices, type Prices } from '../usage/prices.js'
import { checkedQuotas, type Quotas } from '../usage/quotas.js'
import { DEFAULT_CORS, type FastifyCorsOptions } from '../http/cors.js'
import { bounds } from './bounds.js'
import { resolveCodeInterpreter, type CodeInterpreterOption, type ResolvedCodeInterpreter } from './code-interpreter.js'
import { resolveBlobs, type ResolvedBlobs } from './blobs.js'
import { systemClock, type Clock } from '../shared/clock.js'
import { DEFAULT_FILE_SETTINGS, type Downloads } from '../files/files.js'
import { aiSdkProvider, type AiSdkModel } from '../models/ai-sdk.js'
import { COGITATOR_MODEL_ID, cogitatorProvider, type CogitatorLike } from '../models/cogitator.js'
import { echo } from '../models/echo.js'
import { openaiCompatible, type OpenAICompatibleOptions } from '../models/openai-compatible.js'
import type { ModelProvider } from '../models/provider.js'
import type { ModelRegistryOptions } from '../models/registry.js'
import type { OffsetUnit } from '../runs/annotators.js'
import type { Thinking } from '../models/thinking.js'
import type { History } from '../dialects/assistants/prompt.js'
import { DEFAULT_LIMITS, type EngineLimits } from '../runs/services.js'
import { DEFAULT_STREAM_LIMITS, type StreamLimits } from '../http/sse.js'
import { resolvePassthrough } from './passthrough.js'
import { resolveStorage, type ResolvedStorage, type StorageOption } from './storage.js'
import type { ToolAccess } from '../tools/server-tools.js'
import type { AnyBuiltInTool } from '../tools/built-in-tool.js'
import { foundryTools } from '../tools/foundry/foundry-tools.js'
import type { ServerTool } from '../tools/tool.js'
import { indexPlace, type RetrievalOptions } from '../vector-stores/service.js'
import type { WebhookOptions } from '../dialects/assistants/webhooks.js'

/** A model provider, or what one can be made of: an OpenAI-compatible endpoint, a Cogitator instance, an AI SDK language model. */
export type ProviderOption = ModelProvider | OpenAICompatibleOptions | CogitatorLike | AiSdkModel

/** Bounds of requests, runs and files. All of them are whole numbers, 0 or more. */
export interface Limits extends EngineLimits {
  /** Seconds from a run's creation to its expiry. Default 600, as in the real API. */
  runExpiresS: number
  /** Time limit of one server tool call in milliseconds. Default 60,000. */
  toolTimeoutMs: number
  /** The largest body of a JSON request, in bytes. Default 32 MiB, what the API's own limits allow for. */
  bodyBytes: number
  /** How long a message or a run waits for a locked thread with `lockMode: 'wait'`, in milliseconds. Default 60,000. */
  lockWaitMs: number
  /** Requests that may wait for one thread; more are refused. Default 100. */
  lockMaxWaiters: number
  /** Bytes of one file. Default 512 MiB, as in the real API. Files made of uploads may be larger, up to 8 GiB. */
  fileBytes: number
  /** Bytes of one part of an upload. Default 64 MiB, as in the real API. */
  uploadPartBytes: number
  /** Bytes of one image of a message that goes to the model. Default 20 MiB. */
  imageBytes: number
}

/** Options of the plugin. All may be left out; a bad one is a `TypeError` at start that names it. */
export interface OpenAICompatOptions {
  /** Path before every route. Default none; the standalone server uses `/v1`. */
  prefix?: string
  /** The provider for models without a prefix. Default `echo`, which repeats its prompt. */
  provider?: ProviderOption
  /** Providers by name: `name/model` goes to the provider of that name. Default none. */
  providers?: Record<string, ProviderOption>
  /** The name of the provider for models without a prefix. Default: `provider`, else the first of `providers`. */
  defaultProvider?: string
  /** The model for requests that name an empty one. Default none. */
  defaultModel?: string
  /** Names to use for other names, exact or with `*`: `{ 'gpt-4*': 'ollama/llama3.2' }`. Default none. */
  aliases?: Record<string, string>
  /** Where everything is kept: a URL (`sqlite:./file.db`, `memory:`), a store, or a storage of your own. Default `memory:`. */
  storage?: StorageOption
  /**
   * Where the bytes of files are kept: a URL (`file:./folder`, `s3://bucket/prefix`, or that of a storage) or a store.
   * Default: with the storage (in memory, in a folder beside the SQLite file, in PostgreSQL, in Redis).
   */
  blobs?: string | BlobStore
  /**
   * Which files can be downloaded. Default `all`; with `outputs` the answer for what was uploaded as a model's input
   * (purpose `assistants`, `vision` or `user_data`) is the 400 of the real API.
   */
  downloads?: Downloads
  /** Functions that this server runs itself. Default none: every function call goes to the client. */
  tools?: readonly ServerTool[]
  /** Tools of wire types that the API does not define, for assistants that declare them. Default none. */
  builtInTools?: readonly AnyBuiltInTool[]
  /**
   * Where the code of `code_interpreter` runs: in the strongest sandbox that works here, nowhere (`off`), or as `CodeInterpreterOptions`
   * say. Default `auto`, which looks when code is run for the first time.
   */
  codeInterpreter?: CodeInterpreterOption
  /**
   * Whether assistants may declare tools of Azure AI Foundry (`bing_grounding`, `connected_agent`, `mcp` and others). They are kept and shown; a
   * run that needs one fails with a reason, unless a server tool has its name or a tool of `builtInTools` its type. Default false.
   */
  foundryTools?: boolean
  /** Whether server tools are offered to every run, or with `declared` only to those that declare a function of the name. Default `all`. */
  toolAccess?: ToolAccess
  /** What happens to a message or a run while a run of its thread is active: a 400 as in the real API, or it waits its turn. Default `reject`. */
  lockMode?: 'reject' | 'wait'
  /** How files in vector stores are indexed and searched. Default: by their words alone. */
  retrieval?: RetrievalOptions
  /**
   * What local models think between `<think>` and `</think>` ahead of an answer of a run: a part of the answer, as the model sends it, or
   * left out. Default `keep`.
   */
  thinking?: 'keep' | 'strip'
  /**
   * What a run reads of earlier runs of its thread: their messages, or `all`, the calls of tools and their outputs too. Beyond the token
   * budget outputs are shortened first, then the oldest are left out. Default `all`.
   */
  history?: 'all' | 'messages'
  /**
   * What `start_index` and `end_index` of annotations count: UTF-16 units, by which JavaScript, Java and .NET index strings, or code points,
   * by which Python does. They differ behind characters such as emoji. Default `utf16`.
   */
  annotationOffsets?: 'utf16' | 'code_points'
  /** Where runs are reported to when they wait for the client or have ended. Default nowhere. */
  webhooks?: WebhookOptions
  /**
   * Paths that go to the model provider as they are, exact or with `/*` at the end: `['/moderations', '/audio/*']`. The model named in JSON
   * or in a form decides the provider. What the provider keeps is shared by all projects. Default none.
   */
  passthrough?: readonly string[]
  /** Keys that may call. Default none: everybody may, but for web pages when only this machine can reach the server. */
  apiKeys?: ApiKeys
  /**
   * A file of JSON with more keys, a list or an object as `apiKeys` takes it. It is read again when it changes: keys are added and withdrawn without a
   * restart. Default none.
   */
  apiKeysFile?: string
  /** Whether the server refuses to start without `apiKeys`. Default false. */
  requireApiKeys?: boolean
  /**
   * Host names that requests and web pages may have besides those of this machine (`localhost`, `127.0.0.1`) when there are no keys and only
   * this machine can reach the server; others get a 403. `*` allows any, as behind a proxy with an authentication of its own. Default none.
   */
  allowedHosts?: readonly string[]
  /** Where each request that was let in is recorded: who, what, which objects, and the outcome. A file that lines of JSON are appended to, or a function. Default nowhere. */
  audit?: Audit
  /** What one project may have of the server. Default: no quotas. */
  quotas?: Quotas
  /** What models cost, for `GET /organization/costs`: US dollars for a million tokens, by model, exact or with `*`. Default none. */
  prices?: Prices
  /** `GET /metrics` for Prometheus. True: for requests from this machine; with a token for those that have it. Default false; the command line has it on. */
  metrics?: MetricsOption
  /** When requests are refused for the server's own good. Default: never. */
  overload?: OverloadOptions
  /** Cross-origin requests, as `@fastify/cors` takes it; false leaves it to the host. Default any origin. */
  cors?: false | FastifyCorsOptions
  /** What happens to parameters that the API does not have. Default `reject`, as the real API does. */
  unknownParameters?: 'reject' | 'ignore'
  /** Whether `OpenAI-Beta: assistants=v2` is demanded as the real API does. Default false: it is accepted. */
  requireBetaHeader?: boolean
  /** Bounds of requests, runs and files. Default: see `Limits`. */
  limits?: Partial<Limits>
  /** Bounds of streamed answers. Default: see `StreamLimits`. */
  streams?: Partial<StreamLimits>
  /** The time. For tests. Default: the system's. */
  clock?: Clock
}

export interface ResolvedOptions {
  storage: ResolvedStorage
  /** Whether keys may be of several projects. */
  hasProjects: boolean
  blobs: ResolvedBlobs
  downloads: Downloads
  models: Omit<ModelRegistryOptions, 'clock' | 'log'>
  tools: readonly ServerTool[]
  builtInTools: readonly AnyBuiltInTool[]
  codeInterpreter: ResolvedCodeInterpreter | undefined
  toolAccess: ToolAccess
  lockMode: 'reject' | 'wait'
  retrieval: RetrievalOptions
  thinking: Thinking
  history: History
  annotationOffsets: OffsetUnit
  webhooks: WebhookOptions | undefined
  passthrough: readonly string[]
  apiKeys: ApiKeys
  apiKeysFile: string | undefined
  allowedHosts: readonly string[]
  audit: Audit | undefined
  quotas: Quotas
  prices: Prices
  metrics: MetricsOption
  overload: OverloadOptions
  cors: false | FastifyCorsOptions
  unknownParameters: 'reject' | 'ignore'
  requireBetaHeader: boolean
  limits: Limits
  streams: StreamLimits
  clock: Clock
}

const FILE_LIMITS = { fileBytes: DEFAULT_FILE_SETTINGS.maxBytes, uploadPartBytes: 64 * 1024 ** 2, imageBytes: 20 * 1024 ** 2 }

/** Options with their defaults. A bad one is a TypeError that names it, at boot. */
export function resolveOptions (options: OpenAICompatOptions): ResolvedOptions {
  const limits = bounds('limits', { ...DEFAULT_LIMITS, runExpiresS: 600, toolTimeoutMs: 60_000, bodyBytes: 32 * 1024 * 1024, lockWaitMs: 60_000, lockMaxWaiters: 100, ...FILE_LIMITS }, options.limits)
  const isShared = hasProjects(options)
  const streams = bounds('streams', DEFAULT_STREAM_LIMITS, options.streams)
  // One project alone takes nothing from another.
  if (!isShared && options.streams?.maxReadersPerProject === undefined) streams.maxReadersPerProject = streams.maxReaders
  const storage = resolveStorage(options.storage ?? 'memory:')
  // Throws for a wrong one.
  indexPlace(options.retrieval?.index, storage.records)
  return {
    storage,
    hasProjects: isShared,
    blobs: resolveBlobs(options.blobs, storage.records),
    downloads: oneOf('downloads', ['all', 'outputs'], options.downloads),
    models: resolveModels(options),
    tools: options.tools ?? [],
    builtInTools: withFoundryTools(options),
    codeInterpreter: resolveCodeInterpreter(options.codeInterpreter, isShared),
    toolAccess: oneOf('toolAccess', ['all', 'declared'], options.toolAccess),
    lockMode: oneOf('lockMode', ['reject', 'wait'], options.lockMode),
    retrieval: { ...options.retrieval, extensions: oneOf('retrieval.extensions', ['all', 'openai'], options.retrieval?.extensions), ...ocrLanguages(options.retrieval?.ocr) },
    thinking: oneOf('thinking', ['keep', 'strip'], options.thinking),
    annotationOffsets: oneOf('annotationOffsets', ['utf16', 'code_points'], options.annotationOffsets),
    history: oneOf('history', ['all', 'messages'], options.history),
    webhooks: options.webhooks,
    passthrough: resolvePassthrough(options.passthrough),
    ...resolveKeys(options),
    allowedHosts: checkedHosts(options.allowedHosts ?? []),
    audit: checkedAudit(options.audit),
    quotas: checkedQuotas(options.quotas),
    prices: checkedPrices(options.prices),
    metrics: checkedMetrics(options.metrics),
    overload: checkedOverload(options.overload),
    cors: options.cors === false ? false : { ...DEFAULT_CORS, ...options.cors },
    unknownParameters: oneOf('unknownParameters', ['reject', 'ignore'], options.unknownParameters),
    requireBetaHeader: options.requireBetaHeader ?? false,
    limits,
    streams,
    clock: options.clock ?? systemClock
  }
}

function withFoundryTools ({ builtInTools = [], foundryTools: isWanted = false }: OpenAICompatOptions): readonly AnyBuiltInTool[] {
  return isWanted ? [...builtInTools, ...foundryTools(builtInTools.map(({ type }) => type))] : builtInTools
}

function resolveModels (options: OpenAICompatOptions): ResolvedOptions['models'] {
  const providers: Record<string, ModelProvider> = {}
  for (const [name, provider] of Object.entries(options.providers ?? {})) providers[name] = asProvider(name, provider)
  let defaultProvider = options.defaultProvider
  if (options.provider !== undefined) {
    if (defaultProvider !== undefined) throw new TypeError('Give either option "provider" or option "defaultProvider", not both.')
    defaultProvider = 'default'
    if (defaultProvider in providers) throw new TypeError('A provider named "default" cannot stand beside option "provider".')
    providers[defaultProvider] = asProvider(defaultProvider, options.provider)
  }
  if (options.aliases !== undefined && (typeof options.aliases !== 'object' || Array.isArray(options.aliases))) {
    throw new TypeError('Option "aliases" must be an object of names by name, such as { "gpt-4*": "llama3.2" }.')
  }
  if (Object.keys(providers).length === 0) providers.echo = echo()
  // A provider that was handed in may serve others too, or this server again after a stop.
  const given = new Set<unknown>([options.provider, ...Object.values(options.providers ?? {})])
  const owned = new Set(Object.values(providers).filter(provider => !given.has(provider)))
  return { providers, owned, defaultProvider, defaultModel: options.defaultModel, aliases: { ...cogitatorAlias(options, given), ...options.aliases } }
}

/** The model that assistants of `@cogitator-ai/openai-compat` may name. */
function cogitatorAlias ({ defaultModel }: OpenAICompatOptions, providers: Iterable<unknown>): Record<string, string> {
  if (defaultModel === undefined || defaultModel === '' || defaultModel === COGITATOR_MODEL_ID) return {}
  return [...providers].some(isCogitator) ? { [COGITATOR_MODEL_ID]: defaultModel } : {}
}

function isCogitator (option: unknown): boolean {
  return typeof option === 'object' && option !== null && !['stream', 'baseURL', 'doStream'].some(key => key in option) && ('getLLMBackend' in option || 'run' in option)
}

/** Undefined when the value is of no known kind. */
export function providerOf (option: object): ModelProvider | undefined {
  if ('stream' in option) return option as ModelProvider
  if ('baseURL' in option) return openaiCompatible(option as OpenAICompatibleOptions)
  if ('doStream' in option) return aiSdkProvider(option as AiSdkModel)
  if (isCogitator(option)) return cogitatorProvider(option as CogitatorLike)
  return undefined
}

function asProvider (name: string, option: ProviderOption): ModelProvider {
  const provider = typeof option === 'object' && option !== null ? providerOf(option) : undefined
  if (provider !== undefined) return provider
  throw new TypeError(`The provider "${name}" is not valid: give { baseURL }, a model provider, a Cogitator instance or an AI SDK language model.`)
}

/** A function, or a file that may change, may name any project. */
function hasProjects ({ apiKeys = [], apiKeysFile }: OpenAICompatOptions): boolean {
  if (typeof apiKeys === 'function' || apiKeysFile !== undefined) return true
  return new Set(knownKeys(apiKeys, 'Option "apiKeys"').map(({ caller }) => caller.project)).size > 1
}

function resolveKeys ({ apiKeys = [], apiKeysFile, requireApiKeys }: OpenAICompatOptions): Pick<ResolvedOptions, 'apiKeys' | 'apiKeysFile'> {
  if (typeof apiKeys !== 'function') knownKeys(apiKeys, 'Option "apiKeys"')
  if (apiKeysFile !== undefined && (typeof apiKeysFile !== 'string' || apiKeysFile === '')) throw new TypeError('Option "apiKeysFile" must be the path of a file.')
  if (apiKeysFile !== undefined && typeof apiKeys === 'function') throw new TypeError('Option "apiKeysFile" cannot stand beside a function in "apiKeys".')
  if (requireApiKeys === true && apiKeysFile === undefined && isOpen(apiKeys)) {
    throw new TypeError('Option "requireApiKeys" is set, but there are no "apiKeys": give at least one.')
  }
  return { apiKeys, apiKeysFile }
}

function checkedAudit (audit: Audit | undefined): Audit | undefined {
  if (audit === undefined || typeof audit === 'function' || (typeof audit === 'string' && audit !== '')) return audit
  throw new TypeError('Option "audit" must be the path of a file, or a function.')
}

function checkedHosts (hosts: readonly string[]): readonly string[] {
  if (Array.isArray(hosts) && hosts.every(host => host === '*' || (typeof host === 'string' && /^[\w.:[\]-]+$/.test(host)))) return hosts
  throw new TypeError('Option "allowedHosts" must be a list of host names, without a port.')
}

/** One of a few words; the first is the default. */
/** Names of packages and of files are made of these. */
function ocrLanguages (given: RetrievalOptions['ocr']): Pick<RetrievalOptions, 'ocr'> {
  if (given === undefined) return {}
  if (given !== false && !(Array.isArray(given) && given.length > 0 && given.every(name => /^[a-z]\w{1,20}$/i.test(name)))) {
    throw new TypeError(`Option "retrieval.ocr" must be false or a list of languages such as ['eng', 'deu'], not ${JSON.stringify(given)}.`)
  }
  return { ocr: given }
}

function oneOf<const T extends string> (option: string, words: readonly [T, ...T[]], given: T | undefined): T {
  if (given === undefined) return words[0]
  if (!words.includes(given)) throw new TypeError(`Option "${option}" must be ${words.map(word => `'${word}'`).join(' or ')}, not ${JSON.stringify(given)}.`)
  return given
}
