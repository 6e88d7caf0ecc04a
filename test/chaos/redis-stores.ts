import { once } from 'node:events'
import type { Test } from 'tap'
import { startCluster, startRedis, startSentinel, type OwnRedis } from '../helpers/redis-server.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import type { ChaosStore, Undo } from './store.js'
import { TIMEOUT_MS } from './times.js'
import { until } from './until.js'

/** What Redis needs for what it has acknowledged to outlive it. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

const withTimeout = (url: string): string => `${url}?timeoutMs=${TIMEOUT_MS}`

export async function startRedisStore (t: Test): Promise<ChaosStore> {
  const redis = await startRedis(t, { args: DURABLE })
  const proxy = await startProxy(t, redis.url)
  return {
    url: withTimeout(proxy.url),
    instances: 3,
    proxy,
    faults: {
      crash: async () => await crash(redis),
      pause: async () => pause(redis),
      async full () {
        // Whatever it holds is more than this.
        await redis.admin.config('SET', 'maxmemory', '1')
        return async () => { await redis.admin.config('SET', 'maxmemory', '0') }
      },
      async readonly () {
        // A replica of nothing keeps what it has, and its clients' connections.
        await redis.admin.replicaof('127.0.0.1', 1)
        return async () => { await redis.admin.replicaof('NO', 'ONE') }
      }
    }
  }
}

export async function startReplicaStore (t: Test): Promise<ChaosStore> {
  let master = await startRedis(t, { args: DURABLE })
  let replica = await startRedis(t, { args: [...DURABLE, '--replicaof', '127.0.0.1', String(master.port)] })
  const proxy = await startProxy(t, master.url)
  const isWhole = async (): Promise<boolean> => /master_link_status:up/.test(await replica.admin.info('replication'))
  const led = (): void => {
    ;[master, replica] = [replica, master]
    proxy.target(master.url)
  }
  await until(isWhole)
  return {
    url: withTimeout(proxy.url),
    instances: 3,
    proxy,
    faults: {
      async failover () {
        await drained(master, replica)
        master.process.kill('SIGKILL')
        await once(master.process, 'exit')
        await replica.admin.replicaof('NO', 'ONE')
        led()
        return async () => {
          await replica.restart(['--replicaof', '127.0.0.1', String(master.port)])
          await until(isWhole)
        }
      },
      async switchover () {
        // Redis waits for the replica to have everything, and leaves the connections of clients as they are.
        await master.admin.call('FAILOVER', 'TO', '127.0.0.1', String(replica.port))
        await until(async () => (await replica.admin.role())[0] === 'master' && (await master.admin.role())[0] === 'slave')
        led()
        return async () => { await until(isWhole) }
      }
    }
  }
}

export async function startSentinelStore (t: Test): Promise<ChaosStore> {
  let master = await startRedis(t, { args: DURABLE })
  let replica = await startRedis(t, { args: [...DURABLE, '--replicaof', '127.0.0.1', String(master.port)] })
  // Long enough for a machine that is busy: a master that is taken for dead and is not loses what its replica does not have yet.
  const sentinel = await startSentinel(t, master, 2000)
  /** Sentinel fails over to a replica that it has seen to be one and in good health. */
  const isWhole = async (): Promise<boolean> => /flags,slave,.*master-link-status,ok/.test(String(await sentinel.admin.call('SENTINEL', 'REPLICAS', 'mymaster'))) &&
    /master_link_status:up/.test(await replica.admin.info('replication'))
  await until(isWhole)
  return {
    url: withTimeout(sentinel.url),
    instances: 3,
    faults: {
      async failover () {
        await drained(master, replica)
        master.process.kill('SIGKILL')
        await once(master.process, 'exit')
        // Until then a master that came back would be taken for the master still, and acknowledge what is lost when it becomes a replica.
        await until(async () => String(await sentinel.admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')).endsWith(String(replica.port)))
        return async () => {
          ;[master, replica] = [replica, master]
          await replica.restart(['--replicaof', '127.0.0.1', String(master.port)])
          await until(isWhole)
        }
      }
    }
  }
}

export async function startClusterStore (t: Test): Promise<ChaosStore> {
  const { url, nodes } = await startCluster(t, { args: DURABLE })
  const [first, second, third, replica] = nodes as [OwnRedis, OwnRedis, OwnRedis, OwnRedis]
  let pair: [master: OwnRedis, replica: OwnRedis] = [first, replica]
  const isWhole = async (): Promise<boolean> => (await Promise.all(nodes.map(async ({ admin }) => (await admin.cluster('INFO') as string).includes('cluster_state:ok')))).every(Boolean)
  return {
    url: withTimeout(url),
    instances: 3,
    faults: {
      async crash (random) {
        const undo = await crash(random() < 0.5 ? second : third)
        return async () => {
          await undo()
          await until(isWhole)
        }
      },
      async pause (random) {
        const undo = pause(random() < 0.5 ? second : third)
        return async () => {
          await undo()
          await until(isWhole)
        }
      },
      async failover () {
        const [master, heir] = pair
        await heir.admin.call('CLUSTER', 'FAILOVER')
        await until(async () => (await heir.admin.role())[0] === 'master' && (await master.admin.role())[0] === 'slave')
        pair = [heir, master]
        return async () => { await until(async () => await isWhole() && /master_link_status:up/.test(await master.admin.info('replication'))) }
      }
    }
  }
}

async function crash (redis: OwnRedis): Promise<Undo> {
  redis.process.kill('SIGKILL')
  await once(redis.process, 'exit')
  return async () => { await redis.restart() }
}

function pause (redis: OwnRedis): Undo {
  redis.process.kill('SIGSTOP')
  return async () => { redis.process.kill('SIGCONT') }
}

/** Until the replica has what its master has acknowledged, which takes no more writes. */
async function drained (master: OwnRedis, replica: OwnRedis): Promise<void> {
  await master.admin.call('CLIENT', 'PAUSE', '10000', 'WRITE')
  const offset = async ({ admin }: OwnRedis): Promise<string | undefined> => /^(?:slave|master)_repl_offset:(\d+)/m.exec(await admin.info('replication'))?.[1]
  await until(async () => await offset(master) === await offset(replica))
}
