import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../helpers/stores.js'
import { skipOwnPostgres } from '../helpers/postgres-server.js'
import { skipOwnRedis } from '../helpers/redis-server.js'
import { startPostgresStore, startStandbyStore } from './postgres-stores.js'
import { startClusterStore, startRedisStore, startReplicaStore, startSentinelStore } from './redis-stores.js'
import type { ChaosStore, StoreName } from './store.js'

export interface StoreKind {
  name: StoreName
  /** For the table. */
  about: string
  /** Why it cannot be started here, or false. */
  skip: string | false
  start (t: Test): Promise<ChaosStore>
}

export const STORES: readonly StoreKind[] = [
  {
    name: 'sqlite',
    about: 'SQLite, one instance',
    skip: false,
    start: async t => ({ url: `sqlite:${join(temporaryFolder(t), 'records.db')}`, instances: 1, faults: {} })
  },
  { name: 'redis', about: 'Redis with `appendfsync always`', skip: skipOwnRedis, start: startRedisStore },
  { name: 'replica', about: 'Redis and a replica, behind one address that leads to the master', skip: skipOwnRedis, start: startReplicaStore },
  { name: 'sentinel', about: 'Redis: a master, a replica and a Sentinel', skip: skipOwnRedis, start: startSentinelStore },
  { name: 'cluster', about: 'Redis Cluster: three masters, one with a replica', skip: skipOwnRedis, start: startClusterStore },
  { name: 'postgres', about: 'PostgreSQL', skip: skipOwnPostgres, start: startPostgresStore },
  { name: 'standby', about: 'PostgreSQL with a synchronous standby', skip: skipOwnPostgres, start: startStandbyStore }
]
