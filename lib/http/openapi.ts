import { createRequire } from 'node:module'
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { OpenAIError } from '../../schemas/common.js'
import { UploadFileRequest } from '../../schemas/files.js'
import type { JsonSchema, OpenApiDocument, OpenApiOperation } from './openapi-document.js'
import { shareSchemas } from './openapi-schemas.js'

type OperationSchema = Record<string, unknown> & { operationId?: string, body?: TSchema, params?: TSchema }

const BINARY = { type: 'string', format: 'binary', contentMediaType: 'application/octet-stream' }

/** Forms pass by Fastify's validation, so their routes have no body schema: the field of the file, and the others. */
const FORMS: Record<string, JsonSchema> = {
  createFile: { type: 'object', required: ['file', ...UploadFileRequest.required ?? []], properties: { file: BINARY, ...UploadFileRequest.properties } },
  addUploadPart: { type: 'object', required: ['data'], properties: { data: BINARY } }
}

/** What a run's stream is made of. OpenAPI 3.1 has no word for it. */
const EVENTS: JsonSchema = {
  type: 'string',
  description: 'Server-sent events. The name and the data of each are those of a StreamEvent; the last one is `done`.',
  contentMediaType: 'text/event-stream'
}

/**
 * How `@fastify/swagger` describes the API in OpenAPI 3.1: from the schemas that the routes validate with, and what
 * those leave unsaid (keys, errors, streams, forms).
 *
 * @param prefix where the API is, `/v1`
 * @param keyed whether a key is needed
 */
function openApiOptions (prefix: string, keyed: boolean): FastifyDynamicSwaggerOptions {
  const { version, description } = createRequire(import.meta.url)('fastify-openai-compat/package.json') as { version: string, description: string }
  return {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'fastify-openai-compat', version, description },
      servers: [{ url: prefix === '' ? '/' : prefix }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          azure: { type: 'apiKey', in: 'header', name: 'api-key' }
        }
      },
      ...keyed ? { security: [{ bearer: [] }, { azure: [] }] } : {}
    },
    transformObject: document => complete((document as { openapiObject: unknown }).openapiObject as OpenApiDocument) as never
  }
}

/**
 * Has the routes of a context describe themselves, and gathers them: it is to be called before they are added. Returns what makes their document,
 * once: on demand, since most servers are never asked, and `@fastify/swagger` takes as long to load as a twentieth of a start.
 *
 * @param keyed whether a key is needed
 */
export function describeRoutes (api: FastifyInstance, keyed: boolean): () => Promise<OpenApiDocument> {
  const routes: RouteOptions[] = []
  api.addHook('onRoute', route => {
    describeRoute(route, api.prefix)
    routes.push(route)
  })
  let document: Promise<OpenApiDocument> | undefined
  return async () => await (document ??= documentOf(routes, openApiOptions(api.prefix, keyed)).catch((error: unknown) => {
    // What failed, for want of a file handle say, may succeed the next time.
    document = undefined
    throw error
  }))
}

/** Made by an application of its own, which has the routes and answers nothing. */
async function documentOf (routes: readonly RouteOptions[], options: FastifyDynamicSwaggerOptions): Promise<OpenApiDocument> {
  const { default: Fastify } = await import('fastify')
  const { default: swagger } = await import('@fastify/swagger')
  const app = Fastify({ exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => () => '')
  await app.register(swagger, options)
  for (const { method, url, schema = {}, config = {} } of routes) if (method !== 'HEAD') app.route({ method, url, schema, config, handler: () => {} })
  await app.ready()
  const document = app.swagger() as unknown as OpenApiDocument
  await app.close()
  return document
}

/**
 * Makes a route describe itself. Every `@fastify/swagger` that sees the route, an application's too, then uses this description
 * instead of its option `transform`, which is written for other routes. (`false` would keep it from ours as well.)
 */
function describeRoute (route: RouteOptions, prefix: string): void {
  route.config = {
    ...route.config,
    swaggerTransform: ({ schema, url }) => ({ schema: describe(schema as OperationSchema, url, prefix), url: url.replace('*', ':model') })
  }
}

/** A route's schema with what the document says of it beside types. */
function describe (schema: OperationSchema, url: string, prefix: string): Record<string, unknown> {
  const { operationId = '', params } = schema
  const [, first = ''] = url.slice(prefix.length).split('/')
  const form = FORMS[operationId]
  return {
    tags: [sentence(first.replace(/\.json$/, '').replaceAll('_', ' '))],
    summary: sentence(operationId.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)),
    ...schema,
    // Only this route has a wildcard: an id with slashes.
    ...url.endsWith('*') ? { params: { type: 'object', properties: { model: params?.properties['*'] }, required: ['model'] } } : {},
    ...form === undefined ? {} : { body: form, consumes: ['multipart/form-data'] }
  }
}

/** What concerns the operations of all routes alike. */
function complete (document: OpenApiDocument): OpenApiDocument {
  for (const [path, methods] of Object.entries(document.paths)) {
    // Every GET answers HEAD too; an operationId may be there once.
    const { head, ...operations } = methods
    document.paths[path] = operations
    for (const operation of Object.values(operations)) completeOperation(operation)
  }
  return shareSchemas(document)
}

function completeOperation (operation: OpenApiOperation): void {
  const { operationId, requestBody, responses } = operation
  const json = requestBody?.content['application/json']?.schema
  // No body is an empty one.
  if (requestBody !== undefined) requestBody.required = json === undefined || (json.required ?? []).length > 0
  const success = responses['200']!
  success.description = 'Success'
  switch (operationId) {
    case 'streamRun':
      success.content = { 'text/event-stream': { schema: EVENTS } }
      responses['204'] = { description: 'Nothing more will come.' }
      break
    case 'downloadFile':
      success.content = { 'application/octet-stream': { schema: BINARY } }
      responses['206'] = { description: 'The bytes that a `range` header asks for', content: success.content }
      break
    case 'exportStore':
      success.content = { 'application/x-ndjson': { schema: BINARY }, 'application/vnd.sqlite3': { schema: BINARY } }
      break
    case 'importIntoStore':
      operation.requestBody = { required: true, content: { 'application/x-ndjson': { schema: BINARY } } }
      break
    case 'createChatCompletion':
      success.content = { 'application/json': { schema: { type: 'object' } }, 'text/event-stream': { schema: { ...EVENTS, description: 'Server-sent events: chunks of a chat completion.' } } }
      break
    default:
      success.content ??= { 'application/json': { schema: { type: 'object' } } }
      if (json?.properties?.stream !== undefined) success.content['text/event-stream'] = { schema: EVENTS }
  }
  responses.default = { description: 'An error', content: { 'application/json': { schema: OpenAIError } } }
}

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1)
