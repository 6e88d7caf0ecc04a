/** Where a Redis URL leads. */
export type RedisAddress =
  | { kind: 'server', url: string }
  | { kind: 'sentinel', hosts: RedisHost[], name: string, settings: RedisSettings }
  | { kind: 'cluster', hosts: RedisHost[], settings: RedisSettings }

export interface RedisHost {
  host: string
  port: number
}

/** Of the servers that keep the data. */
export interface RedisSettings {
  username?: string
  password?: string
  db?: number
  tls?: object
}

const SEVERAL = /^(rediss?)\+(sentinel|cluster):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)(?:\/([^?#]*))?$/
const DEFAULT_PORT = { sentinel: 26379, cluster: 6379 }

/** Throws a `TypeError` that does not repeat the URL, which may contain a password. */
export function redisAddress (url: string): RedisAddress {
  const match = SEVERAL.exec(url)
  if (match === null) {
    if (/^rediss?\+/.test(url)) throw new TypeError('A Redis URL of several hosts is redis+sentinel://[user:password@]host[:port],.../NAME[/db] or redis+cluster://[user:password@]host[:port],....')
    return { kind: 'server', url }
  }
  const [, scheme, kind, username, password, list = '', path = ''] = match as unknown as [string, string, 'sentinel' | 'cluster', ...(string | undefined)[]]
  const hosts = list.split(',').map(text => hostOf(text, DEFAULT_PORT[kind]))
  const settings: RedisSettings = {
    ...username ? { username: decodeURIComponent(username) } : {},
    ...password ? { password: decodeURIComponent(password) } : {},
    ...scheme === 'rediss' ? { tls: {} } : {}
  }
  const [name = '', db] = path.split('/')
  if (kind === 'cluster') {
    if (path !== '') throw new TypeError('A redis+cluster:// URL ends with its hosts: a cluster has one database.')
    return { kind, hosts, settings }
  }
  if (name === '') throw new TypeError('A redis+sentinel:// URL names the master behind its hosts: redis+sentinel://host:26379/mymaster.')
  if (db !== undefined && !/^\d+$/.test(db)) throw new TypeError('The database in a redis+sentinel:// URL is a number.')
  return { kind, hosts, name: decodeURIComponent(name), settings: { ...settings, ...db === undefined ? {} : { db: Number(db) } } }
}

/** Of `host`, `host:port`, `[address]` or `[address]:port`. */
function hostOf (text: string, defaultPort: number): RedisHost {
  const [, address, host = address, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  if (host === undefined) throw new TypeError('A host in a Redis URL is written as host or host:port.')
  return { host, port: port === undefined ? defaultPort : Number(port) }
}
