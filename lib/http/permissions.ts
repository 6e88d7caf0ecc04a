import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RunParams } from '../../schemas/runs.js'
import { absentAsUndefined, ApiError } from '../shared/errors.js'
import { matches } from '../shared/wildcard.js'
import { azureDeployment } from './azure.js'
import type { Caller } from './keys.js'
import { apiOf, callerOf } from './request-context.js'

const READING = ['GET', 'HEAD', 'OPTIONS']

/** Holds keys to what they may do: read-only ones to reading, others to their models. */
export function checkPermissions (api: FastifyInstance): void {
  api.addHook('onRequest', async request => {
    if (callerOf(request).readOnly !== true || READING.includes(request.method)) return
    // A search is sent as a POST, and changes nothing.
    if (operationOf(request) === 'searchVectorStore') return
    throw new ApiError(403, 'This API key may only read.', { code: 'insufficient_permissions' })
  })
  api.addHook('preHandler', async request => {
    const { models } = callerOf(request)
    if (models === undefined || request.method !== 'POST') return
    if (isPassedOn(request)) throw new ApiError(403, 'This API key may use certain models only, and what is passed on to a provider may use any.', { code: 'insufficient_permissions' })
    for (const model of await modelsOf(request)) {
      if (!models.some(pattern => matches(pattern, model))) {
        throw new ApiError(403, `This API key may not use the model '${model.slice(0, 100)}'.`, { param: 'model', code: 'insufficient_permissions' })
      }
    }
  })
}

/** Throws the 403 unless the key may erase its project. */
export function requireErasure (request: FastifyRequest): void {
  if (callerOf(request).mayErase === true) return
  throw new ApiError(403, 'This API key may not erase its project: that takes a key with "mayErase": true.', { code: 'insufficient_permissions' })
}

/** Throws the 403 unless the key is an administrator's. Without keys there is none. */
export function requireAdmin (request: FastifyRequest): void {
  if (callerOf(request).admin === true) return
  throw new ApiError(403, 'Only a key with "admin": true may export or import the whole store; a server without API keys does not offer it over HTTP.', { code: 'insufficient_permissions' })
}

const operationOf = ({ routeOptions }: FastifyRequest): string | undefined => (routeOptions.schema as { operationId?: string } | undefined)?.operationId

/** What the option `passthrough` names has no operation of ours. */
const isPassedOn = (request: FastifyRequest): boolean => request.routeOptions.url !== undefined && operationOf(request) === undefined

/** Operations in which the server has a model of its own for a request that names none. */
const WITH_DEFAULT: ReadonlySet<string | undefined> = new Set(['createChatCompletion', 'createEmbedding'])

/** The models that the request is about to use: its URL's, its own, or that of the assistant that it runs or of the run that it goes on with. */
async function modelsOf (request: FastifyRequest): Promise<string[]> {
  const { model, assistant_id: assistantId } = (request.body ?? {}) as { model?: unknown, assistant_id?: unknown }
  const deployment = azureDeployment(request.raw)
  if (deployment !== undefined) return [deployment]
  if (typeof model === 'string' && model !== '') return [model]
  if (WITH_DEFAULT.has(operationOf(request))) throw new ApiError(403, 'This API key may use certain models only: name one of them.', { param: 'model', code: 'insufficient_permissions' })
  const { assistants, runs } = apiOf(request)
  // What does not exist is the route's to report.
  const used = await absentAsUndefined(async () => {
    if (operationOf(request) === 'submitToolOutputsToRun') {
      const { thread_id: threadId, run_id: runId } = request.params as RunParams
      return await runs.get(threadId, runId)
    }
    return typeof assistantId === 'string' ? await assistants.get(assistantId) : undefined
  })
  return used === undefined ? [] : [used.model]
}

/** What an audit or a limit is kept by. */
export const nameOf = ({ project, keyName }: Caller): string => keyName ?? project
