import type { Cluster, Redis } from 'ioredis'

export interface RedisRecordStoreOptions {
  /**
   * `redis://[user:password@]host:port[/db]`; `redis+sentinel://[user:password@]host[:port],.../NAME[/db]` for the master of that name which
   * Sentinel knows; `redis+cluster://[user:password@]host[:port],...` for a cluster. `rediss` in place of `redis`: with TLS.
   */
  url?: string
  /** When there is no `url`. Default 127.0.0.1. */
  host?: string
  /** When there is no `url`. Default 6379. */
  port?: number
  /** Precedes every key and channel. Default `cogitator:openai:`. */
  keyPrefix?: string
  /**
   * Seconds, a whole number, from the last write to a partition (a thread with all that belongs to it, a project's assistants, ...) to its
   * expiry. Default 0: never.
   */
  ttl?: number
  /**
   * Whether Redis may drop keys when its memory is full (`maxmemory-policy`). By default such a server is refused: it would lose threads without a word.
   */
  allowEviction?: boolean
  /** How long Redis may take to answer a command before the storage counts as unavailable, in milliseconds. Default 10,000. */
  timeoutMs?: number
  /**
   * A connection of your own, with time-outs of its own, to a server or a cluster; it is not closed. Set its `maxRetriesPerRequest` to 0: a
   * client that repeats a write whose response was lost makes a successful write look like a lost race. A cluster client must not read from
   * replicas (`scaleReads`).
   */
  client?: Redis | Cluster
}
