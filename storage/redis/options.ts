import type { Cluster, Redis } from 'ioredis'

export interface RedisRecordStoreOptions {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS. */
  url?: string
  /** When there is no `url`. Default 127.0.0.1. */
  host?: string
  /** When there is no `url`. Default 6379. */
  port?: number
  /** Stands before every key and channel. Default `cogitator:openai:`. */
  keyPrefix?: string
  /**
   * Whole seconds after its last write at which Redis forgets a partition (a thread with all that belongs to it, a
   * project's assistants, ...). Default 0: never.
   */
  ttl?: number
  /** How long Redis may take to answer a command before it counts as away, in milliseconds. Default 10,000. */
  timeoutMs?: number
  /**
   * A connection of your own, with time-outs of its own, to a server or a cluster; it is not closed. Give it `maxRetriesPerRequest: 0`: a client
   * that sends a write again because the answer was lost makes a race that was won look lost. A cluster client must
   * not read from replicas (`scaleReads`).
   */
  client?: Redis | Cluster
}
