import { OperatorError } from './errors.js'

/** A server that runs, and a key of it. */
export interface ServerAddress {
  /** With /v1, without a slash at the end. */
  url: string
  key: string | undefined
}

/** An error of the store; where a running server keeps others from it, with the way that is open. */
export function orAskTheServer (error: unknown): unknown {
  const { message, cause } = error as Error
  if ((cause as { code?: unknown } | undefined)?.code !== 'SQLITE_BUSY') return error
  return new OperatorError(`${message.replace(/ open: .*$/, ' open')}: stop that process, or ask the server with --url.`, { cause: error })
}

export interface ServerRequest {
  method?: string
  headers?: Record<string, string>
  body?: ReadableStream | undefined
  signal?: AbortSignal
}

/** Asks a server. Throws an `OperatorError` with what it says unless it answers with success. */
export async function askServer ({ url, key }: ServerAddress, path: string, { headers, body, ...request }: ServerRequest = {}): Promise<Response> {
  const base = url.replace(/\/+$/, '')
  const init = { ...request, headers: { 'openai-beta': 'assistants=v2', ...key === undefined ? {} : { authorization: `Bearer ${key}` }, ...headers }, ...body === undefined ? {} : { body, duplex: 'half' } }
  const response = await fetch(base + path, init as RequestInit)
    .catch((cause: unknown) => { throw new OperatorError(`The server at ${base} does not answer.`, { cause }) })
  if (response.ok) return response
  const answer = await response.json().catch(() => undefined) as { error?: { message?: unknown } } | undefined
  const said = answer?.error?.message
  // Of an address without a path the likely fault is known.
  throw new OperatorError(typeof said !== 'string' || (response.status === 404 && new URL(base).pathname === '/') ? notTheApi(base, response) : `The server at ${base} says: ${said}`)
}

/** The same, where the answer is a JSON object. */
export async function askServerForObject (server: ServerAddress, path: string, request?: ServerRequest): Promise<object> {
  const response = await askServer(server, path, request)
  const answer = await response.json().catch(() => undefined) as unknown
  if (typeof answer === 'object' && answer !== null) return answer
  throw new OperatorError(notTheApi(server.url.replace(/\/+$/, ''), response))
}

const notTheApi = (base: string, { status }: Response): string => `The server at ${base} answered with HTTP ${status}: is it the base URL, with /v1?`
