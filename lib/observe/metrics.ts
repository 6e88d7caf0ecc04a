import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Run } from '../../schemas/runs.js'
import type { RunReport } from '../runs/report.js'
import { Counts, Timings } from './tallies.js'

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
    collectDefaultMetrics({ register: this.#registry })
    this.#requests = new Counts(this.#registry, `${PREFIX}requests_total`, 'Requests, by operation and status.', ['operation', 'status'])
    this.#requestSeconds = new Timings(this.#registry, `${PREFIX}request_duration_seconds`, 'Time to the end of an answer; streams are left out.', 'operation', SECONDS)
    this.#runs = new Counter({ name: `${PREFIX}runs_total`, help: 'Runs that have stopped on this instance, by how.', labelNames: ['status', 'provider', 'model'], registers })
    this.#tokens = new Counter({ name: `${PREFIX}tokens_total`, help: 'Tokens of runs.', labelNames: ['kind', 'provider', 'model'], registers })
    this.#firstToken = new Histogram({ name: `${PREFIX}run_first_token_seconds`, help: 'From the beginning of a run to the first piece of an answer.', labelNames: ['provider'], buckets: SECONDS, registers })
    this.#duration = new Histogram({ name: `${PREFIX}run_duration_seconds`, help: 'From the beginning of a run to where it stopped.', labelNames: ['status'], buckets: SECONDS, registers })
    this.#storeSeconds = new Timings(this.#registry, `${PREFIX}store_duration_seconds`, 'Time of the verbs of the store.', 'verb', STORE_SECONDS)
    this.#storeErrors = new Counter({ name: `${PREFIX}store_errors_total`, help: 'Verbs of the store that failed.', labelNames: ['verb'], registers })
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

  /** @param seconds undefined for a stream: how long it took is its run's affair. */
  requested (operation: string, status: number, seconds: number | undefined): void {
    this.#requests.add(operation, status)
    if (seconds !== undefined) this.#requestSeconds.observe(operation, seconds)
  }

  stopped ({ status }: Run, { provider = 'none', model, promptTokens, completionTokens, firstTokenMs, durationMs }: RunReport): void {
    const labels = { provider, model: this.#modelLabel(model) }
    this.#runs.inc({ status, ...labels })
    this.#tokens.inc({ kind: 'prompt', ...labels }, promptTokens)
    this.#tokens.inc({ kind: 'completion', ...labels }, completionTokens)
    if (firstTokenMs !== undefined) this.#firstToken.observe({ provider }, firstTokenMs / 1000)
    this.#duration.observe({ status }, durationMs / 1000)
  }

  stored (verb: string, seconds: number, failed: boolean): void {
    this.#storeSeconds.observe(verb, seconds)
    if (failed) this.#storeErrors.inc({ verb })
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
