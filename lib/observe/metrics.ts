import type { Registry } from 'prom-client'
import type { Run } from '../../schemas/runs.js'
import type { RunReport } from '../runs/report.js'
import type { Gauges } from './registry.js'
import { Counts, Timings, type Count, type Times } from './tallies.js'

/** Names of models come from clients: more than these are counted together. */
const MOST_MODELS = 100

const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
const STORE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5]
const PREFIX = 'openai_compat_'

/** What Prometheus may know of this process. Nothing in it names a project, a key or an object. */
export class Metrics {
  /** Of `text()`. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #gauges: Gauges
  #registry: Promise<Registry> | undefined
  readonly #models = new Set<string>()
  readonly #requests = new Counts(`${PREFIX}requests_total`, 'Requests, by operation and status.', ['operation', 'status'])
  readonly #requestSeconds = new Timings(`${PREFIX}request_duration_seconds`, 'Time to the end of an answer; streams are left out.', 'operation', SECONDS)
  readonly #runs = new Counts(`${PREFIX}runs_total`, 'Runs that have stopped on this instance, by how.', ['status', 'provider', 'model'])
  readonly #tokens = new Counts(`${PREFIX}tokens_total`, 'Tokens of runs.', ['kind', 'provider', 'model'])
  readonly #firstToken = new Timings(`${PREFIX}run_first_token_seconds`, 'From the beginning of a run to the first piece of an answer.', 'provider', SECONDS)
  readonly #duration = new Timings(`${PREFIX}run_duration_seconds`, 'From the beginning of a run to where it stopped.', 'status', SECONDS)
  readonly #storeSeconds = new Timings(`${PREFIX}store_duration_seconds`, 'Time of the verbs of the store.', 'verb', STORE_SECONDS)
  readonly #storeErrors = new Counts(`${PREFIX}store_errors_total`, 'Verbs of the store that failed.', ['verb'])

  constructor (gauges: Gauges) {
    this.#gauges = gauges
  }

  /** Begins with the metrics of the process. Only now is their library loaded: most servers have no metrics. */
  async start (): Promise<void> {
    await this.#opened()
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
    return await (await this.#opened()).metrics()
  }

  #opened (): Promise<Registry> {
    const tallies = [this.#requests, this.#requestSeconds, this.#runs, this.#tokens, this.#firstToken, this.#duration, this.#storeSeconds, this.#storeErrors]
    this.#registry ??= import('./registry.js').then(({ openRegistry }) => openRegistry(PREFIX, tallies, this.#gauges))
    return this.#registry
  }

  #modelLabel (model: string | undefined): string {
    if (model === undefined) return 'none'
    if (this.#models.size < MOST_MODELS) this.#models.add(model)
    return this.#models.has(model) ? model : 'other'
  }
}
