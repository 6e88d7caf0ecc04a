import type { Core } from '../lib/core.js'
import type { MetricsOption } from '../lib/http/metrics-option.js'
import type { OpenApiDocument } from '../lib/http/openapi-document.js'
import type { StreamContext } from '../lib/http/sse.js'

/** What the routes are registered with. */
export interface RouteOptions {
  core: Core
  streams: StreamContext
  /** Paths that are the provider's. */
  passthrough: readonly string[]
  /** Who may see the metrics. */
  metrics: MetricsOption
  /** Makes the description of all routes. */
  document: () => Promise<OpenApiDocument>
}
