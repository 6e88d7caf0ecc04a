import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
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

/** Answered without a key. */
export const publicRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  await app.register(healthRoutes, options)
  await app.register(metricsRoutes, options)
  await app.register(openApiRoutes)
}

/** The API, to be registered where requests are authenticated. */
export const apiRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  await app.register(modelRoutes, options)
  await app.register(serverRoutes, options)
  await app.register(assistantRoutes)
  await app.register(threadRoutes)
  await app.register(eraseRoutes, options)
  await app.register(messageRoutes)
  await app.register(runRoutes, options)
  await app.register(runStepRoutes)
  await app.register(fileRoutes)
  await app.register(uploadRoutes)
  await app.register(vectorStoreRoutes, options)
  await app.register(usageRoutes, options)
  await app.register(transferRoutes, options)
  await app.register(chatRoutes, options)
  await app.register(embeddingRoutes, options)
  // Last: it leaves out what is there.
  await app.register(passthroughRoutes, options)
}
