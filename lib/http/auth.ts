import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { DEFAULT_PROJECT } from '../../storage/layout.js'
import type { Clock } from '../shared/clock.js'
import { ApiError } from '../shared/errors.js'
import type { KeyFile } from './key-file.js'
import { knownKeys, sha256, type ApiKey, type Caller, type KnownKey } from './keys.js'

/**
 * Who may call: keys of one project, or with more to say of each, keys with a project each, or a function of the request that names the
 * project, or returns undefined, null or false to refuse. Keys may be hashes: `sha256:...`.
 */
export type ApiKeys =
  | readonly (string | ApiKey)[]
  | Readonly<Record<string, string>>
  | ((request: FastifyRequest) => Refusable | Promise<Refusable>)

/** A project, or what a function without one returns: the caller is refused. */
type Refusable = string | undefined | null | false

/** Whether everybody may call. */
export function isOpen (apiKeys: ApiKeys): boolean {
  return typeof apiKeys !== 'function' && Object.keys(apiKeys).length === 0
}

export type Authenticate = (request: FastifyRequest) => Promise<Caller>

/** Names the caller of a request, or throws the 401. Without any key every caller is let in. Keys of the file are valid beside the others. */
export function authenticator (apiKeys: ApiKeys, clock: Clock, file?: KeyFile): Authenticate {
  if (typeof apiKeys === 'function') {
    return async request => {
      const project = await apiKeys(request)
      if (typeof project !== 'string' || project === '') throw presentedKey(request) === undefined ? noKey() : wrongKey(presentedKey(request) ?? '')
      return { project }
    }
  }
  const fixed = knownKeys(apiKeys, 'Option "apiKeys"')
  if (fixed.length === 0 && file === undefined) return async () => ({ project: DEFAULT_PROJECT })
  return async request => {
    const key = presentedKey(request)
    if (key === undefined || key === '') throw noKey()
    const digest = sha256(key)
    let found: KnownKey | undefined
    // Every key is compared, and by digests of one length, so that the time taken tells nothing.
    for (const known of file === undefined ? fixed : [...fixed, ...await file.keys()]) {
      if (timingSafeEqual(known.digest, digest)) found = known
    }
    if (found === undefined) throw wrongKey(key)
    if (found.expiresAt <= clock.now()) throw new ApiError(401, 'This API key has expired.')
    return found.caller
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

function noKey (): ApiError {
  return new ApiError(401, 'You didn\'t provide an API key. You need to provide your API key in an Authorization header using Bearer auth ' +
    '(i.e. Authorization: Bearer YOUR_KEY), or as the password with basic authentication and a blank username.')
}

/** Shows enough of the key to recognise it, and no more. */
function wrongKey (key: string): ApiError {
  const shown = key.length < 12 ? '***' : `${key.slice(0, 5)}***${key.slice(-2)}`
  return new ApiError(401, `Incorrect API key provided: ${shown}. You can find your API keys in the configuration of this server.`)
}
