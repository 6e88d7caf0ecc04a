import { ModelError } from '../models/provider.js'
import type { Clock } from '../shared/clock.js'
import { quotasOf, type Quotas } from './quotas.js'
import { DAY_MS, MINUTE_MS, type CounterName, type SharedCounters } from './shared-counters.js'

/** Who is counted: a project, and the key that was used. */
export interface Payer {
  project: string
  /** The key's name; undefined without a key. */
  keyName?: string | undefined
  requestsPerMinute?: number | undefined
  tokensPerMinute?: number | undefined
  tokensPerDay?: number | undefined
}

/** A limit and what is left of it. */
export interface Allowance {
  of: 'requests' | 'tokens'
  per: 'minute' | 'day'
  limit: number
  /** 0 or more. */
  remaining: number
  /** When it is whole again, in milliseconds since the epoch. */
  endsAt: number
}

/** Requests and tokens of projects and keys, against their quotas. */
export class Spending {
  readonly #quotas: Quotas
  readonly #counters: SharedCounters
  readonly #clock: Clock

  constructor (quotas: Quotas, counters: SharedCounters, clock: Clock) {
    this.#quotas = quotas
    this.#counters = counters
    this.#clock = clock
  }

  /** Whether there is any limit to what is used. */
  isLimited (payer: Payer): boolean {
    return this.#limits(payer, 'requests').length > 0 || this.#limits(payer, 'tokens').length > 0
  }

  /** What is left of each limit that there is. */
  async allowances (payer: Payer, of: Allowance['of']): Promise<Allowance[]> {
    return await Promise.all(this.#limits(payer, of).map(async ({ name, limit, per }) => {
      const { used, endsAt } = await this.#counters.read(name)
      return { of, per, limit, remaining: Math.max(limit - used, 0), endsAt }
    }))
  }

  /** Counts what was used, where there is a limit to it. */
  spend (payer: Payer, of: Allowance['of'], amount: number): void {
    if (amount <= 0) return
    for (const { name } of this.#limits(payer, of)) this.#counters.add(name, amount)
  }

  /** Throws when there are no tokens left: a model must not be asked. */
  async admit (payer: Payer): Promise<void> {
    const spent = (await this.allowances(payer, 'tokens')).find(({ remaining }) => remaining === 0)
    if (spent === undefined) return
    throw new ModelError('rate_limit_exceeded', `The ${spent.limit} tokens per ${spent.per} are used up. Try again in ${this.waitS(spent)}s.`)
  }

  /** Until an allowance is whole again, in seconds. */
  waitS ({ endsAt }: Pick<Allowance, 'endsAt'>): number {
    return Math.max(Math.ceil((endsAt - this.#clock.now()) / 1000), 1)
  }

  #limits (payer: Payer, of: Allowance['of']): { name: CounterName, limit: number, per: Allowance['per'] }[] {
    const { project, keyName } = payer
    const forProject = quotasOf(this.#quotas, project)
    const both = [{ who: 'project', ...forProject }, { who: `key ${keyName}`, ...payer }]
    return both.flatMap(({ who, requestsPerMinute, tokensPerMinute, tokensPerDay }) => [
      ...of === 'requests' ? limitOf({ project, of, who, windowMs: MINUTE_MS }, requestsPerMinute) : [],
      ...of === 'tokens' ? [...limitOf({ project, of, who, windowMs: MINUTE_MS }, tokensPerMinute), ...limitOf({ project, of, who, windowMs: DAY_MS }, tokensPerDay)] : []
    ])
  }
}

interface Counted {
  project: string
  of: Allowance['of']
  who: string
  windowMs: number
}

const counter = ({ project, of, who, windowMs }: Counted): CounterName => ({ project, id: `${of} ${who}`, windowMs })

const limitOf = (counted: Counted, limit: number | undefined) => limit === undefined ? [] : [{ name: counter(counted), limit, per: counted.windowMs === MINUTE_MS ? 'minute' as const : 'day' as const }]
