import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { DEFAULT_PROJECT } from '../../storage/layout.js'
import { ApiError } from '../shared/errors.js'

/**
 * Who may call: keys of one project, keys with a project each, or a function of the request that names the
 * project, or returns undefined to refuse.
 */
export type ApiKeys =
  | readonly string[]
  | Readonly<Record<string, string>>
  | ((request: FastifyRequest) => string | undefined | Promise<string | undefined>)

/** Whether everybody may call. */
export function isOpen (apiKeys: ApiKeys): boolean {
  return typeof apiKeys !== 'function' && Object.keys(apiKeys).length === 0
}

export type Authenticate = (request: FastifyRequest) => Promise<string>

/** A function that names the request's project, or throws the 401. Without any key every caller is let in. */
export function authenticator (apiKeys: ApiKeys): Authenticate {
  if (typeof apiKeys === 'function') {
    return async request => {
      const project = await apiKeys(request)
      if (project === undefined || project === '') throw presentedKey(request) === undefined ? noKey() : wrongKey(presentedKey(request) ?? '')
      return project
    }
  }
  const entries = Array.isArray(apiKeys)
    ? apiKeys.map((key): [string, string] => [key, DEFAULT_PROJECT])
    : Object.entries(apiKeys as Record<string, string>)
  if (entries.length === 0) return async () => DEFAULT_PROJECT
  const known = entries.map(([key, project]) => ({ digest: sha256(key), project }))
  return async request => {
    const key = presentedKey(request)
    if (key === undefined || key === '') throw noKey()
    const digest = sha256(key)
    let project: string | undefined
    // Every key is compared, and by digests of one length, so that the time taken tells nothing.
    for (const entry of known) {
      if (timingSafeEqual(entry.digest, digest)) project = entry.project
    }
    if (project === undefined) throw wrongKey(key)
    return project
  }
}

/** `Authorization: Bearer KEY`, Basic with the key as password, or Azure's `api-key`. */
function presentedKey (request: FastifyRequest): string | undefined {
  const { authorization, 'api-key': azure } = request.headers
  if (authorization !== undefined) {
    const [, scheme = '', credentials = ''] = /^(\S+)\s+(.*)$/s.exec(authorization.trim()) ?? []
    if (scheme.toLowerCase() === 'bearer') return credentials.trim()
    if (scheme.toLowerCase() === 'basic') return Buffer.from(credentials, 'base64').toString().replace(/^[^:]*:/, '')
  }
  return typeof azure === 'string' ? azure : undefined
}

function sha256 (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function noKey (): ApiError {
  return new ApiError(401, 'You didn\'t provide an API key. You need to provide your API key in an Authorization header using Bearer auth ' +
    '(i.e. Authorization: Bearer YOUR_KEY), or as the password with basic authentication and a blank username.')
}

/** Shows enough of the key to recognise it, and no more. */
function wrongKey (key: string): ApiError {
  const shown = key.length < 12 ? '***' : `${key.slice(0, 5)}***${key.slice(-2)}`
  return new ApiError(401, `Incorrect API key provided: ${shown}. You can find your API keys in the configuration of this server.`, { code: 'invalid_api_key' })
}
