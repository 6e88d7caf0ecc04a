import { clockWarnings, measureClockSkew } from '../base/clock-skew.js'
import { StorageUnavailableError } from '../record-store.js'
import type { RedisConnection } from './connection.js'

/**
 * What the operator of this server should know about what it keeps. Throws a `StorageUnavailableError` when it may drop keys. Nothing is known of
 * a server that does not let itself be asked (an access list, a managed service).
 */
export async function examine (connection: RedisConnection, allowEviction: boolean): Promise<{ warnings: string[], clockSkewMs: number }> {
  const info = await connection.run(async client => await client.info()).catch(() => '')
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  const policy = field('maxmemory_policy')
  // Keys with an expiry are those of unfinished uploads, or of all when there is a `ttl`.
  const drops = policy?.startsWith('allkeys-') === true || (policy?.startsWith('volatile-') === true && connection.ttl > 0)
  if (drops && !allowEviction) {
    throw new StorageUnavailableError(`Redis may drop keys when its memory is full (maxmemory-policy ${policy}): set it to noeviction, or allow it with allowEviction.`)
  }
  const warnings: string[] = []
  if (drops) warnings.push(`Redis may drop keys when its memory is full (maxmemory-policy ${policy}).`)
  if (field('aof_enabled') === '0' && await savesNothing(connection)) warnings.push('Redis keeps nothing on the disk: neither appendonly nor save is on. A restart of Redis loses everything.')
  const clockSkewMs = await measureClockSkew(async () => {
    const [seconds, micros] = await connection.run(async client => await client.time())
    return Number(seconds) * 1000 + Number(micros) / 1000
  })
  return { warnings: [...warnings, ...clockWarnings('Redis', clockSkewMs)], clockSkewMs }
}

async function savesNothing (connection: RedisConnection): Promise<boolean> {
  const answer = await connection.run(async client => await client.config('GET', 'save')).catch(() => undefined)
  return Array.isArray(answer) && answer[1] === ''
}
