import { systemClock, type Clock } from '../shared/clock.js'
import { silentLogger, type Logger } from '../shared/log.js'
import { Aliases } from './aliases.js'
import { ModelError, type ModelInfo, type ModelProvider } from './provider.js'

export interface ModelRegistryOptions {
  /** By the name that prefixes their models (`ollama/llama3`). At least one; no `/` in a name. */
  providers: Record<string, ModelProvider>
  /** Those that `close()` closes. Default: all. */
  owned?: ReadonlySet<ModelProvider> | undefined
  /** Gets every name without a provider's prefix. Default: the first provider. */
  defaultProvider?: string | undefined
  /** What a request without a model gets; may be an alias. Default: none, and such a request fails. */
  defaultModel?: string | undefined
  /** See `Aliases`. Default none. */
  aliases?: Record<string, string> | undefined
  /** How long a provider's list of models is kept. Default 30,000 ms. */
  listCacheMs?: number
  /** How long a list waits for a provider before it goes on without it. Default 5,000 ms. */
  listTimeoutMs?: number
  clock?: Clock
  /** Told about providers that do not answer. Default: silent. */
  log?: Logger
}

export interface ResolvedModel {
  provider: ModelProvider
  providerName: string
  /** As the provider calls it. */
  model: string
}

/** The API's model object. */
export interface ModelObject {
  id: string
  object: 'model'
  created: number
  owned_by: string
}

interface CachedList {
  models: Promise<ModelInfo[]>
  expiresAt: number
}

/** Knows which provider serves which name. */
export class ModelRegistry {
  readonly #providers: Map<string, ModelProvider>
  readonly #owned: ReadonlySet<ModelProvider>
  readonly #defaultProvider: string
  readonly #defaultModel: string
  readonly #aliases: Aliases
  readonly #listCacheMs: number
  readonly #listTimeoutMs: number
  readonly #clock: Clock
  readonly #log: Logger
  readonly #lists = new Map<string, CachedList>()

  /** Throws a `TypeError` that names the option it cannot work with. */
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
    this.#listCacheMs = options.listCacheMs ?? 30_000
    this.#listTimeoutMs = options.listTimeoutMs ?? 5_000
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLogger
  }

  /**
   * Who serves `name`: aliases first, then the provider before the first `/` if there is one of that name, else the
   * default provider. Whether a provider has a model cannot be known for all of them (a list may be partial, or absent),
   * so names that no list holds are passed on, and the provider's answer is the run's error. Without a name and
   * without a default model it throws a `ModelError`.
   */
  resolve (name?: string | null): ResolvedModel {
    const asked = name === undefined || name === null || name === '' ? this.#defaultModel : name
    if (asked === '') throw new ModelError('server_error', 'The request names no model, and this server has no default model.')
    const target = this.#aliases.resolve(asked)
    const slash = target.indexOf('/')
    const prefix = target.slice(0, Math.max(0, slash))
    const prefixed = this.#providers.get(prefix)
    // A provider's name with nothing after it is no model: it stays whole.
    if (prefixed !== undefined && slash < target.length - 1) return { provider: prefixed, providerName: prefix, model: target.slice(slash + 1) }
    const provider = this.#providers.get(this.#defaultProvider)!
    return { provider, providerName: this.#defaultProvider, model: target }
  }

  /**
   * Every name that is known to work: the default provider's models plainly, those of the others behind their prefix, and
   * the exact aliases. A provider that is down is left out, or shown as it was when it last answered.
   */
  async list (): Promise<ModelObject[]> {
    const lists = await Promise.all([...this.#providers.keys()].map(async name => ({ name, models: await this.#modelsOf(name) })))
    const objects = new Map<string, ModelObject>()
    for (const { name, models } of lists) {
      for (const model of models) {
        const id = this.#publicName(name, model.id)
        objects.set(id, wire(id, model))
      }
    }
    for (const alias of this.#aliases.names) {
      const object = await this.get(alias)
      if (object !== undefined) objects.set(alias, object)
    }
    return [...objects.values()]
  }

  /** The model that answers to `id`, undefined when no list holds it. An exact alias always answers. */
  async get (id: string): Promise<ModelObject | undefined> {
    if (id === '') return undefined
    const { providerName, model } = this.resolve(id)
    const known = (await this.#modelsOf(providerName)).find(candidate => candidate.id === model)
    if (known !== undefined) return wire(id, known)
    return this.#aliases.names.includes(id) ? wire(id, { id: model, created: 0, ownedBy: providerName }) : undefined
  }

  /** Closes every provider, also when one of them fails at it. */
  async close (): Promise<void> {
    const providers = [...this.#owned]
    const closed = await Promise.allSettled(providers.map(async provider => await provider.close?.()))
    for (const result of closed) {
      if (result.status === 'rejected') this.#log.warn({ err: result.reason }, 'a model provider could not be closed')
    }
  }

  /** Prefixed also where the default provider's own name would lead to another one (`openai/gpt-4o` of OpenRouter). */
  #publicName (providerName: string, model: string): string {
    const misleads = model.includes('/') && this.#providers.has(model.split('/')[0] ?? '')
    const plain = providerName === this.#defaultProvider && !misleads
    return plain ? model : `${providerName}/${model}`
  }

  async #modelsOf (name: string): Promise<ModelInfo[]> {
    const cached = this.#lists.get(name)
    if (cached !== undefined && this.#clock.now() < cached.expiresAt) return await cached.models
    // Whoever asks meanwhile waits for the same answer; a failure is kept as long as a list, so that a dead provider costs little.
    const models = this.#ask(name).catch(async (err: unknown) => {
      this.#log.warn({ err, provider: name }, 'a model provider did not list its models')
      return await cached?.models ?? []
    })
    this.#lists.set(name, { models, expiresAt: this.#clock.now() + this.#listCacheMs })
    return await models
  }

  async #ask (name: string): Promise<ModelInfo[]> {
    const limit = new AbortController()
    const takeBack = this.#clock.after(this.#listTimeoutMs, () => limit.abort(new ModelError('server_error', `It did not answer within ${this.#listTimeoutMs} ms.`)))
    try {
      return await this.#providers.get(name)!.models({ signal: limit.signal })
    } finally {
      takeBack()
    }
  }
}

function wire (id: string, { created, ownedBy }: ModelInfo): ModelObject {
  return { id, object: 'model', created, owned_by: ownedBy }
}
