import cors from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { apiRoutes, publicRoutes } from '../routes/index.js'
import type { RouteOptions } from '../routes/route-options.js'
import { resendStream } from '../routes/runs.js'
import type { ThreadStorage } from '../storage/thread-storage/thread-storage.js'
import { auditRequests } from './http/audit.js'
import { authenticator, isOpen } from './http/auth.js'
import { Core } from './core.js'
import { ApiError, badRequest } from './shared/errors.js'
import { answerError, answerNotFound } from './http/error-handler.js'
import { named } from './shared/named.js'
import { newId } from './shared/ids.js'
import { parseJsonBodies } from './http/json-body.js'
import { honourIdempotencyKeys } from './http/idempotency.js'
import { KeyFile } from './http/key-file.js'
import { refuseWebPages, warnWhenOpen } from './http/local-only.js'
import { describeRoutes } from './http/openapi.js'
import type { OpenApiDocument } from './http/openapi-document.js'
import { checkPermissions } from './http/permissions.js'
import { countRequests } from './http/metrics.js'
import { refuseUnderPressure, UnauthorizedLimit } from './http/overload.js'
import { limitRequests } from './http/quotas.js'
import { decorateRequests, setCaller } from './http/request-context.js'
import { ReaderSlots } from './http/reader-slots.js'
import { closeOnUnread } from './http/unread.js'
import { inTraceOf } from './observe/tracing.js'
import { PLUGIN_OPTION_NAMES, refuseUnknown } from './options/names.js'
import { resolveOptions, type OpenAICompatOptions, type ResolvedOptions } from './options/options.js'
import type { ThreadManager } from './threads/manager.js'
import { compileValidator, type RequestPart } from './shared/validation.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Assistants, threads and messages of the default project; `forProject()` gives those of another. */
    threadManager: ThreadManager
    threadStorage: ThreadStorage
  }
}

/** The service behind an instance that the plugin is registered on; the latest, if it is there twice. */
export const cores = new WeakMap<FastifyInstance, Core>()

/** What makes the OpenAPI description of an instance that the plugin is registered on. */
export const documents = new WeakMap<FastifyInstance, () => Promise<OpenApiDocument>>()

/** The decorators that the plugin adds to an application. */
const DECORATORS = ['threadManager', 'threadStorage'] as const
/** What it has added to which application. A second registration leaves it alone: the application may use either. */
const added = new WeakMap<object, FastifyInstance['server']>()

/** Fastify's own options of a registration, beside `prefix`. */
const FASTIFY_OPTIONS = ['logLevel', 'logSerializers']

/** Answers belong to the holder of one key: no cache keeps them, and no browser takes a file of a user for a page. */
const NOT_FOR_BROWSERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** What the real service sends, and what some clients look at. */
const API_VERSION = '2020-10-01'

/**
 * The Assistants API as a Fastify plugin. The API itself lives in a context of its own below `prefix`: its errors, 404,
 * parsers and validator stay there. On the instance it is registered on, it leaves two decorators.
 */
async function openaiCompat (app: FastifyInstance, options: OpenAICompatOptions): Promise<void> {
  refuseUnknown(options, [...PLUGIN_OPTION_NAMES, ...FASTIFY_OPTIONS])
  refuseForeignDecorators(app)
  refuseTakenPrefix(app, options.prefix ?? '')
  const hasCors = app.hasPlugin('@fastify/cors')
  if (hasCors && options.cors !== undefined && options.cors !== false) {
    throw new TypeError('Option "cors" cannot be given here: this Fastify instance has @fastify/cors already, and its rules hold for the API too.')
  }
  const resolved = resolveOptions(options)
  // Before anything is opened: a file that holds no keys is an option that is wrong.
  const keyFile = resolved.apiKeysFile === undefined ? undefined : new KeyFile(resolved.apiKeysFile, resolved.clock, app.log)
  const isOpenToAll = keyFile === undefined && isOpen(resolved.apiKeys)
  const core = new Core(resolved, app.log)

  if (isOpenToAll) warnWhenOpen(app)
  await core.start()
  cores.set(app, core)
  const closing = new AbortController()
  app.addHook('preClose', async () => {
    closing.abort()
    // Not awaited: a client that takes its time is not to hold up the runs, nor they the answers. `stop()` tells what failed.
    core.handOver().catch(() => {})
  })
  app.addHook('onClose', async () => { await core.stop() })

  if (!app.hasDecorator('threadManager')) {
    app.decorate('threadManager', core.threadManager)
    app.decorate('threadStorage', core.threadStorage)
    added.set(core.threadManager, app.server).set(core.threadStorage, app.server)
  }

  await app.register(named('openaiCompatRoutes', async (api: FastifyInstance) => {
    const routes = api.withTypeProvider<TypeBoxTypeProvider>()
    routes.setValidatorCompiler(({ schema, httpPart }) => {
      const validate = compileValidator(schema as TSchema, httpPart as RequestPart, { unknownParameters: resolved.unknownParameters })
      return value => {
        const { error, value: checked } = validate(value)
        // Fastify writes into the errors it is given; ours stay as they are.
        return error === undefined ? { value: checked } : { error: new Error(error.message, { cause: error }) }
      }
    })
    // Stored objects have the wire's shape already. One serialiser for answers and stream events alike keeps the two the same.
    routes.setSerializerCompiler(() => data => JSON.stringify(data))
    routes.setErrorHandler(answerError)
    routes.addHook('onRoute', route => {
      // A route may need more by its nature, and the operator may allow more than it asks for.
      route.bodyLimit = Math.max(route.bodyLimit ?? 0, resolved.limits.bodyBytes)
      if (route.schema?.body !== undefined) route.schema = { ...route.schema, body: core.extendSchema(route.schema.body as TSchema) }
    })
    // Behind what changes their schemas.
    const document = describeRoutes(routes, !isOpenToAll)
    documents.set(app, document)
    parseJsonBodies(routes)
    identifyAnswers(routes)
    closeOnUnread(routes)
    if (core.metrics !== undefined) countRequests(routes, core.metrics)
    // Before CORS, which allows any page by default.
    if (isOpenToAll) refuseWebPages(routes, resolved.allowedHosts)
    if (resolved.cors !== false && !hasCors) await routes.register(cors, resolved.cors)
    decorateRequests(routes)
    const readers = new ReaderSlots(resolved.streams)
    core.countStreams(() => readers.count)
    const routeOptions: RouteOptions = { core, streams: { clock: core.clock, limits: resolved.streams, readers, closing: closing.signal }, passthrough: resolved.passthrough, metrics: resolved.metrics, document }
    await routes.register(named('public', publicRoutes), routeOptions)
    // A context of its own, so that no configuration of a route lets a request through without a key.
    await routes.register(named('keyed', async (keyed: typeof routes) => {
      await refuseUnderPressure(keyed, resolved.overload)
      authenticate(keyed, core, resolved, keyFile)
      if (resolved.audit !== undefined) auditRequests(keyed, resolved.audit, core.clock, app.log)
      limitRequests(keyed, core.spending)
      checkPermissions(keyed)
      // Once the body is there: what comes from the socket has lost its context.
      keyed.addHook('preValidation', (request, _reply, done) => { inTraceOf(request.headers, done) })
      honourIdempotencyKeys(keyed, core.idempotentAnswers, async (request, reply, stream) => await resendStream(request, reply, stream, routeOptions.streams))
      // Here too: only users with a key learn which URLs of the API do not exist. At the root the 404 is the application's.
      if (keyed.prefix !== '') keyed.setNotFoundHandler(answerNotFound)
      await keyed.register(named('api', apiRoutes), routeOptions)
    }))
  }), { prefix: options.prefix ?? '' })
}

/** Two of the same route end the process, for one of the plugins within throws where no registration catches it. */
function refuseTakenPrefix (app: FastifyInstance, prefix: string): void {
  const place = `${app.prefix}${prefix === '' || prefix.startsWith('/') ? '' : '/'}${prefix}`.replace(/\/$/, '')
  if (!app.hasRoute({ method: 'GET', url: `${place}/assistants` })) return
  throw new Error(`This Fastify instance has a route GET ${place}/assistants already: register fastify-openai-compat below another prefix than "${prefix}".`)
}

/** An application's own decorator under one of our names would be used in place of ours, or ours in place of it. */
function refuseForeignDecorators (app: FastifyInstance): void {
  const foreign = DECORATORS.find(name => app.hasDecorator(name) && added.get(app[name]) !== app.server)
  if (foreign === undefined) return
  throw new Error(`This Fastify instance has a decorator "${foreign}" that fastify-openai-compat did not add: rename it, or register the plugin on an instance without it.`)
}

/** Adds the headers that clients and their logs look at. */
function identifyAnswers (api: FastifyInstance): void {
  api.addHook('onRequest', async (request, reply) => {
    const isOurs = request.id.startsWith('req_')
    const id = isOurs ? request.id : newId.request()
    // Where the host numbers requests its own way, the log has both numbers: clients know this one only.
    if (!isOurs) request.log = reply.log = request.log.child({ request_id: id })
    const theirs = clientRequestId(request)
    if (theirs !== undefined) request.log = reply.log = request.log.child({ client_request_id: theirs })
    reply.headers({ 'x-request-id': id, 'openai-version': API_VERSION, ...NOT_FOR_BROWSERS })
  })
  api.addHook('onSend', async (_request, reply) => {
    reply.header('openai-processing-ms', Math.round(reply.elapsedTime))
  })
}

/** Longer ids of clients are cut in the log. */
const MAX_CLIENT_ID_LENGTH = 256

/** The id that the client has given its request: OpenAI's header, or the one that proxies set. */
function clientRequestId ({ headers }: FastifyRequest): string | undefined {
  const given = headers['x-client-request-id'] ?? headers['x-request-id']
  const id = Array.isArray(given) ? given[0] : given
  return id === undefined || id === '' ? undefined : id.slice(0, MAX_CLIENT_ID_LENGTH)
}

/** Finds out whose request it is, before anything of it is read. */
function authenticate (api: FastifyInstance, core: Core, { apiKeys, requireBetaHeader, overload }: ResolvedOptions, keyFile: KeyFile | undefined): void {
  const callerOf = authenticator(apiKeys, core.clock, keyFile)
  const unauthorized = new UnauthorizedLimit(overload.unauthorizedPerMinute ?? Infinity, core.clock)
  api.addHook('onRequest', async request => {
    unauthorized.check(request.ip)
    const caller = await callerOf(request).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) unauthorized.count(request.ip)
      throw error
    })
    await core.enrol(caller.project)
    setCaller(request, caller, core.project(caller.project))
    if (requireBetaHeader) checkBetaHeader(request, api.prefix)
  })
}

function checkBetaHeader (request: FastifyRequest, prefix: string): void {
  const path = request.url.slice(prefix.length)
  if (!/^\/(assistants|threads)\b/.test(path)) return
  const features = [request.headers['openai-beta'] ?? []].flat().join(',').split(',').map(feature => feature.trim())
  if (features.includes('assistants=v2')) return
  throw badRequest('You must provide the \'OpenAI-Beta\' header to access the Assistants API. ' +
    'Please try again by setting the header \'OpenAI-Beta: assistants=v2\'.', { code: 'invalid_beta' })
}

/** The plugin: `await app.register(openaiCompat, { prefix: '/v1' })`. */
export default fp(openaiCompat, { name: 'fastify-openai-compat', fastify: '5.x', encapsulate: false })
