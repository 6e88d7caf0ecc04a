import { withTimeLimit } from '../shared/abort.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { Aliases } from './aliases.js'
import { isUnknownModel } from './http/failure.js'
import { ModelError, type ModelInfo, type ModelProvider } from './provider.js'

export interface ModelRegistryOptions {
  /** By the name that prefixes their models (`ollama/llama3`). At least one; no `/` in a name. */
  providers: Record<string, ModelProvider>
  /** The providers that `close()` closes. Default: all. */
  owned?: ReadonlySet<ModelProvider> | undefined
  /** Serves every name without a provider's prefix. Default: the first provider. */
  defaultProvider?: string | undefined
  /** The model of a request that names none; may be an alias. Default: none, and such a request fails. */
  defaultModel?: string | undefined
  /** See `Aliases`. Default none. */
  aliases?: Record<string, string> | undefined
  /** How long a provider's list of models is cached, in milliseconds. Default 30,000. */
  listCacheMs?: number
  /** How long a provider may take to list its models, in milliseconds; then the list leaves it out. Default 5,000. */
  listTimeoutMs?: number
  clock: Clock
  /** For warnings about providers that cannot be reached. */
  log: Logger
}

export interface ResolvedModel {
  provider: ModelProvider
  providerName: string
  /** The provider's name for it. */
  model: string
}

/** The API's model object. */
export interface ModelObject {
  id: string
  object: 'model'
  created: number
  owned_by: string
}

/** How the registry is set up, and whether the providers answer. */
export interface RegistryDescription {
  providers: { name: string, default: boolean, answers: boolean, models: number }[]
  defaultModel: string | null
  aliases: Readonly<Record<string, string>>
}

/** Models that an error names. */
const SHOWN_MODELS = 5

interface CachedList {
  models: Promise<ModelInfo[]>
  /** Whether the provider has listed them; what it listed before stands in when it has not. */
  answers: Promise<boolean>
  expiresAt: number
}

/** Maps model names to the providers that serve them. */
export class ModelRegistry {
  readonly #providers: Map<string, ModelProvider>
  readonly #owned: ReadonlySet<ModelProvider>
  readonly #defaultProvider: string
  readonly #defaultModel: string
  readonly #aliases: Aliases
  readonly #aliasOptions: Readonly<Record<string, string>>
  readonly #listCacheMs: number
  readonly #listTimeoutMs: number
  readonly #clock: Clock
  readonly #log: Logger
  readonly #lists = new Map<string, CachedList>()

  /** Throws a `TypeError` that names an invalid option. */
  constructor (options: ModelRegistryOptions) {
    this.#providers = new Map(Object.entries(options.providers))
    this.#owned = options.owned ?? new Set(this.#providers.values())
    for (const name of this.#providers.keys()) {
      if (name === '' || /[/*]/.test(name)) throw new TypeError(`The provider name "${name}" must be neither empty nor hold "/" or "*".`)
    }
    const defaultProvider = options.defaultProvider ?? [...this.#providers.keys()][0]
    if (defaultProvider === undefined) throw new TypeError('providers must name at least one model provider.')
    if (!this.#providers.has(defaultProvider)) throw new TypeError(`defaultProvider "${defaultProvider}" is not among the providers.`)
    this.#defaultProvider = defaultProvider
    this.#defaultModel = options.defaultModel ?? ''
    this.#aliases = new Aliases(options.aliases)
    this.#aliasOptions = options.aliases ?? {}
    this.#listCacheMs = options.listCacheMs ?? 30_000
    this.#listTimeoutMs = options.listTimeoutMs ?? 5_000
    this.#clock = options.clock
    this.#log = options.log
  }

  /**
   * The provider that serves `name`: after aliases, the provider named before the first `/` if there is one, otherwise the default
   * provider. A provider's list of models may be partial or absent, so a name that is in no list is passed on, and the provider's error is
   * the run's. Throws a `ModelError` when there is neither a name nor a default model.
   */
  resolve (name?: string | null): ResolvedModel {
    const asked = name === undefined || name === null || name === '' ? this.#defaultModel : name
    if (asked === '') throw new ModelError('server_error', 'The request names no model, and this server has no default model.')
    const target = this.#aliases.resolve(asked)
    const slash = target.indexOf('/')
    const prefix = target.slice(0, Math.max(0, slash))
    const prefixed = this.#providers.get(prefix)
    // A provider's name with nothing after it names no model of that provider.
    if (prefixed !== undefined && slash < target.length - 1) return { provider: prefixed, providerName: prefix, model: target.slice(slash + 1) }
    const provider = this.#providers.get(this.#defaultProvider)!
    return { provider, providerName: this.#defaultProvider, model: target }
  }

  /** Whether a request may do without the name of a model. */
  get hasDefault (): boolean {
    return this.#defaultModel !== ''
  }

  /** The provider of requests that need no model. */
  fallback (): Omit<ResolvedModel, 'model'> {
    return { provider: this.#providers.get(this.#defaultProvider)!, providerName: this.#defaultProvider }
  }

  /**
   * All known names: the models of the default provider, those of the others with their prefix, and the exact aliases. A provider that
   * cannot be reached is listed as it last answered, or not at all.
   */
  async list (): Promise<ModelObject[]> {
    const lists = await Promise.all([...this.#providers.keys()].map(async name => ({ name, models: await this.#modelsOf(name) })))
    const objects = new Map<string, ModelObject>()
    for (const { name, models } of lists) {
      for (const model of models) {
        const id = this.publicName(name, model.id)
        objects.set(id, wire(id, model))
      }
    }
    for (const alias of this.#aliases.names) {
      const object = await this.get(alias)
      if (object !== undefined) objects.set(alias, object)
    }
    return [...objects.values()]
  }

  /** The model with this name. Undefined when it is in no list and not an exact alias. */
  async get (id: string): Promise<ModelObject | undefined> {
    if (id === '') return undefined
    const { providerName, model } = this.resolve(id)
    const known = (await this.#modelsOf(providerName)).find(candidate => candidate.id === model)
    if (known !== undefined) return wire(id, known)
    return this.#aliases.names.includes(id) ? wire(id, { id: model, created: 0, ownedBy: providerName }) : undefined
  }

  /**
   * The failure of a call, and, where the provider has no such model, what it has and how to use one of them in its place. What is no
   * `ModelError` about a model stays as it is.
   */
  async explain (failure: unknown, asked: string): Promise<unknown> {
    if (!(failure instanceof ModelError) || !isUnknownModel(failure)) return failure
    const { providerName, model } = this.resolve(asked)
    const names = (await this.#modelsOf(providerName)).map(({ id }) => id).filter(id => id !== model && !/embed/i.test(id))
    const [first] = names
    if (first === undefined) return failure
    const more = names.length > SHOWN_MODELS ? `, and ${names.length - SHOWN_MODELS} more` : ''
    const hint = `The provider "${providerName}" has: ${names.slice(0, SHOWN_MODELS).join(', ')}${more}. To have one of them answer: --alias ${asked || model}=${this.publicName(providerName, first)}`
    const { code, message, status } = failure
    return new ModelError(code, `${/[.!?]$/.test(message) ? message : `${message}.`} ${hint}`, { ...status === undefined ? {} : { status }, cause: failure })
  }

  async describe (): Promise<RegistryDescription> {
    const providers = [...this.#providers.keys()].map(async name => {
      const models = (await this.#modelsOf(name)).length
      return { name, default: name === this.#defaultProvider, answers: await this.#lists.get(name)?.answers ?? false, models }
    })
    return { providers: await Promise.all(providers), defaultModel: this.#defaultModel === '' ? null : this.#defaultModel, aliases: this.#aliasOptions }
  }

  /** What a name stands for, and whether its provider has such a model. */
  async look (name: string): Promise<{ asked: string, provider: string, model: string, listed: boolean }> {
    const { providerName, model } = this.resolve(name)
    return { asked: name, provider: providerName, model, listed: (await this.#modelsOf(providerName)).some(({ id }) => id === model) }
  }

  /** Closes every provider, even when closing one of them fails. */
  async close (): Promise<void> {
    const providers = [...this.#owned]
    const closed = await Promise.allSettled(providers.map(async provider => await provider.close?.()))
    for (const result of closed) {
      if (result.status === 'rejected') this.#log.warn({ err: result.reason }, 'a model provider could not be closed')
    }
  }

  /** What `GET /models` calls it. A model of the default provider has a prefix, too, when its own name would resolve to another provider (`openai/gpt-4o` of OpenRouter). */
  publicName (providerName: string, model: string): string {
    const misleads = model.includes('/') && this.#providers.has(model.split('/')[0] ?? '')
    const plain = providerName === this.#defaultProvider && !misleads
    return plain ? model : `${providerName}/${model}`
  }

  async #modelsOf (name: string): Promise<ModelInfo[]> {
    const cached = this.#lists.get(name)
    if (cached !== undefined && this.#clock.now() < cached.expiresAt) return await cached.models
    // Concurrent requests share one call. A failure is cached as long as a list, so that a provider that is down is not asked each time.
    const asked = this.#ask(name)
    const models = asked.catch(async (err: unknown) => {
      this.#log.warn({ err, provider: name }, 'the models of a provider could not be listed')
      return await cached?.models ?? []
    })
    this.#lists.set(name, { models, answers: asked.then(() => true, () => false), expiresAt: this.#clock.now() + this.#listCacheMs })
    return await models
  }

  async #ask (name: string): Promise<ModelInfo[]> {
    const provider = this.#providers.get(name)!
    return await withTimeLimit(this.#clock, this.#listTimeoutMs, async signal => await provider.models({ signal }),
      () => new ModelError('server_error', `The model provider "${name}" did not list its models within ${this.#listTimeoutMs} ms.`))
  }
}

function wire (id: string, { created, ownedBy }: ModelInfo): ModelObject {
  return { id, object: 'model', created, owned_by: ownedBy }
}
