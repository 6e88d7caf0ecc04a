import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf } from '../lib/http/request-context.js'
import type { Caller } from '../lib/http/keys.js'
import { CostsPage, CostsQuery, UsagePage, UsageQuery } from '../schemas/usage.js'
import type { RouteOptions } from './route-options.js'

/** What the caller may see: its own project, unless its key is one of an administrator. */
const seenBy = ({ admin, project }: Caller): string | undefined => admin === true ? undefined : project

/** What was used and what it cost, as OpenAI's administration API tells it. */
export const usageRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { core }) => {
  app.get('/organization/usage/completions', {
    schema: { operationId: 'getUsageOfCompletions', querystring: UsageQuery, response: { 200: UsagePage } }
  }, async request => await core.usageReports.completions(request.query, seenBy(callerOf(request))))

  app.get('/organization/costs', {
    schema: { operationId: 'getCosts', querystring: CostsQuery, response: { 200: CostsPage } }
  }, async request => await core.usageReports.costs(request.query, seenBy(callerOf(request))))
}
