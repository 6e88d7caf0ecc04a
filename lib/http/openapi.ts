import { createRequire } from 'node:module'
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { OpenAIError } from '../../schemas/common.js'
import { UploadFileRequest } from '../../schemas/files.js'
import type { JsonSchema, OpenApiDocument, OpenApiOperation } from './openapi-document.js'
import { shareSchemas } from './openapi-schemas.js'

/** The decorator that makes the document. A host may have its own `swagger`. */
const DECORATOR = 'openaiCompatDocument'

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
export function openApiOptions (prefix: string, keyed: boolean): FastifyDynamicSwaggerOptions {
  const { version, description } = createRequire(import.meta.url)('fastify-openai-compat/package.json') as { version: string, description: string }
  return {
    decorator: DECORATOR as 'swagger',
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
 * Makes a route describe itself. Every `@fastify/swagger` that sees the route, an application's too, then uses this description
 * instead of its option `transform`, which is written for other routes. (`false` would keep it from ours as well.)
 */
export function describeRoute (route: RouteOptions, prefix: string): void {
  route.config = {
    ...route.config,
    swaggerTransform: ({ schema, url }) => ({ schema: describe(schema as OperationSchema, url, prefix), url: url.replace('*', ':model') })
  }
}

/** What makes the document of the context that `@fastify/swagger` was registered in. */
export function documentOf (app: FastifyInstance): () => OpenApiDocument {
  return (app as unknown as Record<typeof DECORATOR, () => OpenApiDocument>)[DECORATOR]
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
