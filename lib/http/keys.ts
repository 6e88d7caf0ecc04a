import { createHash } from 'node:crypto'
import { DEFAULT_PROJECT } from '../../storage/layout.js'
import { isQuota } from '../usage/quotas.js'

/** One key and what may be done with it. */
export interface ApiKey {
  /** The key, or better its hash: `sha256:` and 64 hexadecimal digits, as `fastify-openai-compat key create` makes it. */
  key: string
  /** What logs call it. Default: the beginning of its hash. */
  name?: string
  /** The project whose objects it sees. Default `default`. */
  project?: string
  /** When it ends: a date (`2027-01-31`, `2027-01-31T12:00:00Z`). Default never. */
  expires?: string
  /** Whether it may read and search, and nothing else. Default false. */
  readOnly?: boolean
  /** Whether it may erase everything of its project with one request. Default false. */
  mayErase?: boolean
  /** Whether it may read what all projects have used and cost. Default false: its own project alone. */
  admin?: boolean
  /** The models that it may use, exact or with `*`. Default all. */
  models?: readonly string[]
  /** Requests in a minute; more are a 429. Default: as many as the project may. */
  requestsPerMinute?: number
  /** Tokens of models in a minute, of prompts and answers together. Default: as many as the project may. */
  tokensPerMinute?: number
  /** The same in a day, which begins at midnight UTC. Default: as many as the project may. */
  tokensPerDay?: number
}

/** Who calls. */
export interface Caller {
  project: string
  /** The key's name; undefined when a function has let the caller in, or everybody may call. */
  keyName?: string
  readOnly?: boolean
  mayErase?: boolean
  admin?: boolean
  models?: readonly string[]
  requestsPerMinute?: number
  tokensPerMinute?: number
  tokensPerDay?: number
}

/** A key as it is compared: by its hash. */
export interface KnownKey {
  digest: Buffer
  /** In milliseconds since the epoch. */
  expiresAt: number
  caller: Caller
}

/** Names stand in the ids of counters, among other things. */
const MAX_NAME_BYTES = 200

const KEY_QUOTAS = ['requestsPerMinute', 'tokensPerMinute', 'tokensPerDay'] as const

const HASHED = /^sha256:([0-9a-f]{64})$/i

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** As it stands in a configuration. */
export const hashedKey = (key: string): string => `sha256:${sha256(key).toString('hex')}`

const FIELDS: readonly string[] = ['key', 'name', 'project', 'expires', 'readOnly', 'mayErase', 'admin', 'models', 'requestsPerMinute', 'tokensPerMinute', 'tokensPerDay'] satisfies (keyof ApiKey)[]

/** Keys as options and files give them: a list, or projects by key. Throws a TypeError that quotes none of them. */
export function knownKeys (given: unknown, what: string): KnownKey[] {
  if (Array.isArray(given)) return given.map((entry, i) => knownKey(typeof entry === 'string' ? { key: entry } : entry, `${what}[${i}]`))
  if (typeof given === 'object' && given !== null) {
    return Object.entries(given).map(([key, project], i) => knownKey({ key, project: project as string }, `${what}, entry ${i + 1}`))
  }
  throw new TypeError(`${what} must be a list of keys, or an object of projects by key.`)
}

function knownKey (entry: unknown, what: string): KnownKey {
  const refuse = (why: string): never => { throw new TypeError(`${what} ${why}.`) }
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return refuse('must be a key or an object with one')
  const unknown = Object.keys(entry).find(name => !FIELDS.includes(name))
  if (unknown !== undefined) refuse(`has an unknown field "${unknown}"; there are: ${FIELDS.join(', ')}`)
  const { key, name, project = DEFAULT_PROJECT, expires, readOnly = false, mayErase = false, admin = false, models, ...rest } = entry as ApiKey
  if (typeof key !== 'string' || key === '') refuse('must have a key that is not empty')
  if (key.startsWith('sha256:') && !HASHED.test(key)) refuse('must have 64 hexadecimal digits behind "sha256:"')
  if (typeof project !== 'string' || project === '') refuse('must have a project that is not empty')
  if (name !== undefined && (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > MAX_NAME_BYTES)) refuse(`must have a name of 1 to ${MAX_NAME_BYTES} bytes`)
  if (typeof readOnly !== 'boolean') refuse('must have readOnly true or false')
  if (typeof mayErase !== 'boolean') refuse('must have mayErase true or false')
  if (typeof admin !== 'boolean') refuse('must have admin true or false')
  if (models !== undefined && !(Array.isArray(models) && models.every(model => typeof model === 'string' && model !== ''))) refuse('must have models as a list of names')
  const quotas = Object.fromEntries(KEY_QUOTAS.flatMap(name => rest[name] === undefined ? [] : [[name, rest[name]]]))
  for (const [name, value] of Object.entries(quotas)) if (!isQuota(value)) refuse(`must have ${name} as a whole number, 1 or more`)
  const expiresAt = expires === undefined ? Infinity : Date.parse(expires)
  if (Number.isNaN(expiresAt)) refuse('must have a date in expires')
  const hex = HASHED.exec(key)?.[1]
  const digest = hex === undefined ? sha256(key) : Buffer.from(hex, 'hex')
  const caller: Caller = { project, keyName: name ?? `sha256:${digest.toString('hex').slice(0, 8)}`, readOnly, mayErase, admin, ...models === undefined ? {} : { models }, ...quotas }
  return { digest, expiresAt, caller }
}
