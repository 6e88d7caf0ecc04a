import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { named } from '../lib/shared/named.js'
import { assistantRoutes } from './assistants.js'
import { chatRoutes } from './chat.js'
import { embeddingRoutes } from './embeddings.js'
import { eraseRoutes } from './erase.js'
import { fileRoutes } from './files.js'
import { healthRoutes } from './health.js'
import { messageRoutes } from './messages.js'
import { metricsRoutes } from './metrics.js'
import { modelRoutes } from './models.js'
import { openApiRoutes } from './openapi.js'
import { passthroughRoutes } from './passthrough.js'
import type { RouteOptions } from './route-options.js'
import { runStepRoutes } from './run-steps.js'
import { runRoutes } from './runs.js'
import { serverRoutes } from './server.js'
import { threadRoutes } from './threads.js'
import { transferRoutes } from './transfer.js'
import { uploadRoutes } from './uploads.js'
import { usageRoutes } from './usage.js'
import { vectorStoreRoutes } from './vector-stores.js'

type Routes = FastifyPluginAsyncTypebox<RouteOptions>

/** A plugin that registers these, one after the other. */
const inOrder = (plugins: Record<string, Routes>): Routes => async (app, options) => {
  for (const [name, plugin] of Object.entries(plugins)) await app.register(named(name, plugin), options)
}

/** Answered without a key. */
export const publicRoutes = inOrder({ health: healthRoutes, metrics: metricsRoutes, openApi: openApiRoutes })

/** The API, to be registered where requests are authenticated. */
export const apiRoutes = inOrder({
  models: modelRoutes,
  server: serverRoutes,
  assistants: assistantRoutes,
  threads: threadRoutes,
  erase: eraseRoutes,
  messages: messageRoutes,
  runs: runRoutes,
  runSteps: runStepRoutes,
  files: fileRoutes,
  uploads: uploadRoutes,
  vectorStores: vectorStoreRoutes,
  usage: usageRoutes,
  transfer: transferRoutes,
  chat: chatRoutes,
  embeddings: embeddingRoutes,
  // Last: it leaves out what is there.
  passthrough: passthroughRoutes
})
