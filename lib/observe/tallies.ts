import type { Metric, MetricValue, Registry } from 'prom-client'

/**
 * What is counted with every request and every verb of the store. prom-client's own counters and histograms make an object and a string
 * of the labels each time, which cost several percent of a short answer; these keep plain numbers until they are asked for.
 */
abstract class Tally {
  readonly name: string
  readonly help: string
  abstract readonly type: 'counter' | 'histogram'

  constructor (registry: Registry, name: string, help: string) {
    this.name = name
    this.help = help
    // A registry asks its metrics for no more than this.
    registry.registerMetric(this as unknown as Metric)
  }

  async get (): Promise<object> {
    const { name, help, type } = this
    return { name, help, type, aggregator: 'sum', values: this.values() }
  }

  protected abstract values (): MetricValue<string>[]
}

/** A counter with two labels. */
export class Counts extends Tally {
  readonly type = 'counter'
  readonly #labels: readonly [string, string]
  readonly #counts = new Map<string, Map<string | number, number>>()

  constructor (registry: Registry, name: string, help: string, labels: readonly [string, string]) {
    super(registry, name, help)
    this.#labels = labels
  }

  add (first: string, second: string | number): void {
    let of = this.#counts.get(first)
    if (of === undefined) this.#counts.set(first, of = new Map())
    of.set(second, (of.get(second) ?? 0) + 1)
  }

  protected values (): MetricValue<string>[] {
    const [one, other] = this.#labels
    return [...this.#counts].flatMap(([first, of]) => [...of].map(([second, value]) => ({ value, labels: { [one]: first, [other]: second } })))
  }
}

/** A histogram of seconds with one label. */
export class Timings extends Tally {
  readonly type = 'histogram'
  readonly #label: string
  /** Upper bounds, ascending. */
  readonly #bounds: readonly number[]
  readonly #times = new Map<string, { buckets: number[], sum: number, count: number }>()

  constructor (registry: Registry, name: string, help: string, label: string, bounds: readonly number[]) {
    super(registry, name, help)
    this.#label = label
    this.#bounds = bounds
  }

  observe (value: string, seconds: number): void {
    let times = this.#times.get(value)
    if (times === undefined) this.#times.set(value, times = { buckets: this.#bounds.map(() => 0), sum: 0, count: 0 })
    times.count++
    times.sum += seconds
    const bounds = this.#bounds
    for (let i = 0; i < bounds.length; i++) {
      if (seconds > bounds[i]!) continue
      times.buckets[i]!++
      return
    }
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
