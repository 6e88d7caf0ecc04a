import type { IncomingMessage } from 'node:http'

export interface AzureRoute {
  /** Ours, the query kept. */
  url: string
  /** The deployment in the path: it names the model, and wins over the body. */
  deployment: string | undefined
}

/** The portal shows endpoints with a slash at their end, to which older SDKs add another. */
const AZURE = /^\/{1,2}openai(?:\/v1(?=\/))?(\/[^?]*)(\?.*)?$/
/** A project of Azure AI Foundry. Only what is ours: a host may have addresses of this form, too. */
const FOUNDRY = /^\/{1,2}api\/projects\/[^/?]+(?:\/openai(?:\/v1)?)?(\/(?:assistants|threads|files|uploads|vector_stores|models|chat\/completions|embeddings)(?:\/[^?]*)?)(\?.*)?$/
/** The name may hold slashes as it is (`ollama/llama3`): the SDKs do not encode it. */
const CALL_OF_DEPLOYMENT = /^\/deployments\/(.+)(\/(?:chat\/completions|embeddings))$/
/** A client that is bound to a deployment may put it before everything. */
const BEHIND_DEPLOYMENT = /^\/deployments\/.+?(\/(?:assistants|threads|files|uploads|vector_stores|models)(?:\/.*)?)$/

/**
 * A URL as Azure OpenAI clients write it, as one of this API below `prefix`; undefined for any other. `api-version` stays
 * in the query and means nothing here.
 *
 * - `/openai/deployments/NAME/chat/completions` is `/v1/chat/completions` with NAME for a model,
 * - `/openai/deployments/NAME/threads` is `/v1/threads`,
 * - `/api/projects/NAME/threads` (Azure AI Foundry) is `/v1/threads`,
 * - `/openai/threads` and `/openai/v1/threads` are `/v1/threads`.
 */
export function azureRoute (url: string, prefix: string): AzureRoute | undefined {
  const [, inProject, itsQuery = ''] = FOUNDRY.exec(url) ?? []
  if (inProject !== undefined) return { url: prefix + inProject + itsQuery, deployment: undefined }
  const [, path, query = ''] = AZURE.exec(url) ?? []
  if (path === undefined) return undefined
  const [, name, call] = CALL_OF_DEPLOYMENT.exec(path) ?? []
  if (name !== undefined) {
    const deployment = decoded(name)
    return deployment === undefined ? undefined : { url: prefix + call + query, deployment }
  }
  const [, behind = path] = BEHIND_DEPLOYMENT.exec(path) ?? []
  return { url: prefix + behind + query, deployment: undefined }
}

/** Undefined for a name that is no valid encoding. */
function decoded (name: string): string | undefined {
  try {
    return decodeURIComponent(name)
  } catch {
    return undefined
  }
}

/** Kept apart from everything that a client could write itself. */
const deployments = new WeakMap<IncomingMessage, string>()

/**
 * For Fastify's option `rewriteUrl`: makes a server answer Azure OpenAI clients too, at `/openai` beside `prefix`. It
 * never redirects; all other URLs stay as they are.
 *
 *     const app = Fastify({ rewriteUrl: rewriteAzureUrl('/v1') })
 *     await app.register(openaiCompat, { prefix: '/v1' })
 */
export function rewriteAzureUrl (prefix = '/v1'): (request: { url?: string | undefined }) => string {
  const base = prefix.replace(/\/+$/, '')
  return request => {
    const url = request.url ?? '/'
    const route = azureRoute(url, base)
    if (route === undefined) return url
    if (route.deployment !== undefined) deployments.set(request as IncomingMessage, route.deployment)
    return route.url
  }
}

/** The deployment that the request's URL named. */
export function azureDeployment (request: object): string | undefined {
  return deployments.get(request as IncomingMessage)
}
