import { Gauge, Registry } from 'prom-client'
import type { Run } from '../../schemas/runs.js'
import type { RunReport } from '../runs/report.js'
import { collectProcessMetrics } from './process-metrics.js'
import { Counts, Timings, type Count, type Times } from './tallies.js'

/** What is read when the metrics are asked for. */
export interface Gauges {
  /** Streams that are being sent. */
  streams (): number
  /** Runs that are being executed here. */
  activeRuns (): number
  /** Vector stores with files that wait to be indexed here. */
  indexing (): number
  /** Bytes held for readers of events. */
  heldBytes (): number
  /** Sessions of the code interpreter. */
  sandboxes (): number
}

/** Names of models come from clients: more than these are counted together. */
const MOST_MODELS = 100

const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
const STORE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5]
const PREFIX = 'openai_compat_'

/** What Prometheus may know of this process. Nothing in it names a project, a key or an object. */
export class Metrics {
  readonly contentType: string
  readonly #registry = new Registry()
  readonly #models = new Set<string>()
  readonly #requests
  readonly #requestSeconds
  readonly #runs
  readonly #tokens
  readonly #firstToken
  readonly #duration
  readonly #storeSeconds
  readonly #storeErrors

  constructor (gauges: Gauges) {
    const registers = [this.#registry]
    this.contentType = this.#registry.contentType
    collectProcessMetrics(this.#registry)
    this.#requests = new Counts(this.#registry, `${PREFIX}requests_total`, 'Requests, by operation and status.', ['operation', 'status'])
    this.#requestSeconds = new Timings(this.#registry, `${PREFIX}request_duration_seconds`, 'Time to the end of an answer; streams are left out.', 'operation', SECONDS)
    this.#runs = new Counts(this.#registry, `${PREFIX}runs_total`, 'Runs that have stopped on this instance, by how.', ['status', 'provider', 'model'])
    this.#tokens = new Counts(this.#registry, `${PREFIX}tokens_total`, 'Tokens of runs.', ['kind', 'provider', 'model'])
    this.#firstToken = new Timings(this.#registry, `${PREFIX}run_first_token_seconds`, 'From the beginning of a run to the first piece of an answer.', 'provider', SECONDS)
    this.#duration = new Timings(this.#registry, `${PREFIX}run_duration_seconds`, 'From the beginning of a run to where it stopped.', 'status', SECONDS)
    this.#storeSeconds = new Timings(this.#registry, `${PREFIX}store_duration_seconds`, 'Time of the verbs of the store.', 'verb', STORE_SECONDS)
    this.#storeErrors = new Counts(this.#registry, `${PREFIX}store_errors_total`, 'Verbs of the store that failed.', ['verb'])
    for (const [name, help, read] of [
      ['streams', 'Streams that are being sent.', gauges.streams],
      ['active_runs', 'Runs that are being executed here.', gauges.activeRuns],
      ['indexing_stores', 'Vector stores in which there is something to index here.', gauges.indexing],
      ['held_bytes', 'Bytes held for readers of events.', gauges.heldBytes],
      ['sandboxes', 'Sessions of the code interpreter.', gauges.sandboxes]
    ] as const) {
      // `collect` is called with the gauge itself.
      const gauge: Gauge = new Gauge({ name: PREFIX + name, help, registers, collect: () => gauge.set(read()) })
    }
  }

  /** Counts the requests of an operation, each by its status. The seconds are undefined for a stream: how long it took is its run's affair. */
  requestsOf (operation: string): (status: number, seconds: number | undefined) => void {
    const byStatus = new Map<number, Count>()
    let times: Times | undefined
    return (status, seconds) => {
      let count = byStatus.get(status)
      if (count === undefined) byStatus.set(status, count = this.#requests.of(operation, status))
      count.value++
      if (seconds !== undefined) (times ??= this.#requestSeconds.of(operation)).observe(seconds)
    }
  }

  stopped ({ status }: Run, { provider = 'none', model, promptTokens, completionTokens, firstTokenMs, durationMs }: RunReport): void {
    const label = this.#modelLabel(model)
    this.#runs.of(status, provider, label).value++
    this.#tokens.of('prompt', provider, label).value += promptTokens
    this.#tokens.of('completion', provider, label).value += completionTokens
    if (firstTokenMs !== undefined) this.#firstToken.of(provider).observe(firstTokenMs / 1000)
    this.#duration.of(status).observe(durationMs / 1000)
  }

  stored (verb: string, seconds: number, failed: boolean): void {
    this.#storeSeconds.of(verb).observe(seconds)
    if (failed) this.#storeErrors.of(verb).value++
  }

  /** In the text format of Prometheus. */
  async text (): Promise<string> {
    return await this.#registry.metrics()
  }

  #modelLabel (model: string | undefined): string {
    if (model === undefined) return 'none'
    if (this.#models.size < MOST_MODELS) this.#models.add(model)
    return this.#models.has(model) ? model : 'other'
  }
}
