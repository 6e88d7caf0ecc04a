import { Gauge, Registry, type Metric } from 'prom-client'
import { collectProcessMetrics } from './process-metrics.js'
import type { Tally } from './tallies.js'

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

/**
 * A registry with the metrics of the process, those that are counted and those that are read.
 *
 * @param prefix of the names of what is read.
 */
export function openRegistry (prefix: string, tallies: readonly Tally[], gauges: Gauges): Registry {
  const registry = new Registry()
  collectProcessMetrics(registry)
  // A registry asks its metrics for no more than tallies answer.
  for (const tally of tallies) registry.registerMetric(tally as unknown as Metric)
  for (const [name, help, read] of [
    ['streams', 'Streams that are being sent.', gauges.streams],
    ['active_runs', 'Runs that are being executed here.', gauges.activeRuns],
    ['indexing_stores', 'Vector stores in which there is something to index here.', gauges.indexing],
    ['held_bytes', 'Bytes held for readers of events.', gauges.heldBytes],
    ['sandboxes', 'Sessions of the code interpreter.', gauges.sandboxes]
  ] as const) {
    // `collect` is called with the gauge itself.
    const gauge: Gauge = new Gauge({ name: prefix + name, help, registers: [registry], collect: () => gauge.set(read()) })
  }
  return registry
}
