/** Files of prom-client that its own types do not describe. Each adds one group of metrics to a registry. */
declare module 'prom-client/lib/metrics/*.js' {
  import type { Registry } from 'prom-client'
  const collect: (registry: Registry, config: { eventLoopMonitoringPrecision: number }) => void
  export default collect
}
