import type { MetricValue } from 'prom-client'

/**
 * What is counted with every request, run and verb of the store. prom-client's own counters and histograms make an object and a string
 * of the labels each time, which cost several percent of a short answer; these keep plain numbers until they are asked for. What a registry of
 * prom-client asks of its metrics, they answer.
 */
export abstract class Tally {
  readonly name: string
  readonly help: string
  abstract readonly type: 'counter' | 'histogram'

  constructor (name: string, help: string) {
    this.name = name
    this.help = help
  }

  async get (): Promise<object> {
    const { name, help, type } = this
    return { name, help, type, aggregator: 'sum', values: this.values() }
  }

  protected abstract values (): MetricValue<string>[]
}

/** What one set of labels was counted for. Kept by what counts often, so that it is not looked up each time. */
export interface Count {
  value: number
}

/** Counts below one value of each label but the last. */
type Branch = Map<string | number, Branch | Count>

/** A counter, by the values of its labels. */
export class Counts extends Tally {
  readonly type = 'counter'
  readonly #labels: readonly string[]
  readonly #root: Branch = new Map()

  constructor (name: string, help: string, labels: readonly string[]) {
    super(name, help)
    this.#labels = labels
  }

  /** @param values one for each label, in their order. */
  of (...values: readonly (string | number)[]): Count {
    let branch = this.#root
    const last = values.length - 1
    for (let i = 0; i < last; i++) {
      let next = branch.get(values[i]!)
      if (next === undefined) branch.set(values[i]!, next = new Map())
      branch = next as Branch
    }
    let count = branch.get(values[last]!)
    if (count === undefined) branch.set(values[last]!, count = { value: 0 })
    return count as Count
  }

  protected values (): MetricValue<string>[] {
    const below = (branch: Branch, depth: number, above: Record<string, string | number>): MetricValue<string>[] => [...branch].flatMap(([name, at]) => {
      const labels = { ...above, [this.#labels[depth]!]: name }
      return at instanceof Map ? below(at, depth + 1, labels) : [{ value: at.value, labels }]
    })
    return below(this.#root, 0, {})
  }
}

/** Seconds that something took, sorted by their bounds. */
export class Times {
  /** How many were above the bound before and not above this one, for each bound. */
  readonly buckets: number[]
  sum = 0
  count = 0
  readonly #bounds: readonly number[]

  /** @param bounds upper bounds, ascending. */
  constructor (bounds: readonly number[]) {
    this.#bounds = bounds
    this.buckets = bounds.map(() => 0)
  }

  observe (seconds: number): void {
    this.count++
    this.sum += seconds
    const bounds = this.#bounds
    for (let i = 0; i < bounds.length; i++) {
      if (seconds > bounds[i]!) continue
      this.buckets[i]!++
      return
    }
  }
}

/** A histogram of seconds with one label. */
export class Timings extends Tally {
  readonly type = 'histogram'
  readonly #label: string
  readonly #bounds: readonly number[]
  readonly #times = new Map<string, Times>()

  /** @param bounds upper bounds, ascending. */
  constructor (name: string, help: string, label: string, bounds: readonly number[]) {
    super(name, help)
    this.#label = label
    this.#bounds = bounds
  }

  of (value: string): Times {
    let times = this.#times.get(value)
    if (times === undefined) this.#times.set(value, times = new Times(this.#bounds))
    return times
  }

  protected values (): MetricValue<string>[] {
    return [...this.#times].flatMap(([value, { buckets, sum, count }]) => {
      const labels = { [this.#label]: value }
      let below = 0
      const counts = buckets.map((inBucket, i) => {
        below += inBucket
        return { le: this.#bounds[i]!, value: below }
      })
      return [
        ...[...counts, { le: '+Inf', value: count }].map(({ le, value }) => ({ metricName: `${this.name}_bucket`, value, labels: { le, ...labels } })),
        { metricName: `${this.name}_sum`, value: sum, labels },
        { metricName: `${this.name}_count`, value: count, labels }
      ]
    })
  }
}
