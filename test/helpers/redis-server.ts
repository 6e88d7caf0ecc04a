import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import type { Test } from 'tap'

/** All that these servers need of a test. */
export type Teardown = Pick<Test, 'teardown'>

export interface OwnRedis {
  port: number
  url: string
  /** A client beside the store, for looking and meddling. */
  admin: Redis
  process: ChildProcess
  /** Starts it again once its process has ended, with what it has kept on the disk, which is nothing without `--appendonly yes`. `more` are further arguments. */
  restart (more?: string[]): Promise<void>
}

/** A Redis server of the test's own, that it may pause and kill. Nothing is kept on disk unless `args` say so. */
export async function startRedis (t: Teardown, { port: given, cluster = false, args = [] }: { port?: number, cluster?: boolean, args?: string[] } = {}): Promise<OwnRedis> {
  const folder = temporaryFolder(t)
  for (let tries = 1; ; tries++) {
    const port = given ?? await freePort()
    const command = ['--port', String(port), '--save', '', '--repl-diskless-sync-delay', '0', '--dir', folder, ...args, ...(cluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-node-timeout', '1000', '--cluster-config-file', `nodes-${port}.conf`] : [])]
    const server = await start(t, command)
    if (server === undefined) {
      // Another process took the port, or the one of the cluster's bus, in between.
      if (given === undefined && tries < 5) continue
      throw new Error(`redis-server did not start on port ${port}`)
    }
    const redis: OwnRedis = {
      port,
      url: `redis://127.0.0.1:${port}`,
      admin: adminOf(t, port),
      process: server,
      async restart (more = []) {
        const again = await start(t, [...command, ...more])
        if (again === undefined) throw new Error(`redis-server did not start again on port ${port}`)
        redis.process = again
        redis.admin = adminOf(t, port)
      }
    }
    return redis
  }
}

function adminOf (t: Teardown, port: number): Redis {
  // Sentinel closes the connections of a replica that it promotes. Commands to a server that has ended fail after a try.
  const admin = new Redis({ port, retryStrategy: () => 20, maxRetriesPerRequest: 1 })
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())
  return admin
}

/** The server once it accepts connections, or undefined where it ended instead. */
async function start (t: Teardown, args: string[]): Promise<ChildProcess | undefined> {
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => server.kill('SIGKILL'))
  return await new Promise(resolve => {
    createInterface(server.stdout).on('line', line => { if (line.includes('Ready to accept connections')) resolve(server) })
    server.once('exit', () => resolve(undefined))
  })
}

/** A Sentinel that watches a master with its replicas under the name `mymaster`, and is alone to decide. */
export async function startSentinel (t: Teardown, master: OwnRedis, downAfterMs = 300): Promise<{ url: string, admin: Redis }> {
  const port = await freePort()
  const folder = temporaryFolder(t)
  const file = join(folder, 'sentinel.conf')
  writeFileSync(file, [
    `port ${port}`, `dir ${folder}`, `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
    `sentinel down-after-milliseconds mymaster ${downAfterMs}`, 'sentinel failover-timeout mymaster 2000'
  ].join('\n'))
  const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  t.teardown(() => sentinel.kill('SIGKILL'))
  const admin = new Redis({ port, retryStrategy: attempt => Math.min(attempt * 10, 100) })
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())
  return { url: `redis+sentinel://127.0.0.1:${port}/mymaster`, admin }
}

/** Three masters with a third of the slots each, and a replica of the first unless there is to be none. Ready when all agree. */
export async function startCluster (t: Teardown, { args = [], replica: hasReplica = true }: { args?: string[], replica?: boolean } = {}): Promise<{ url: string, nodes: OwnRedis[] }> {
  const nodes: OwnRedis[] = []
  for (let i = 0; i < (hasReplica ? 4 : 3); i++) nodes.push(await startRedis(t, { cluster: true, args }))
  const [first, , , replica] = nodes as [OwnRedis, OwnRedis, OwnRedis, OwnRedis?]
  for (const [i, { admin }] of nodes.slice(0, 3).entries()) {
    const from = Math.floor(16384 * i / 3)
    await admin.cluster('ADDSLOTS', ...Array.from({ length: Math.floor(16384 * (i + 1) / 3) - from }, (_, slot) => from + slot))
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
  }
  for (const { port } of nodes.slice(1)) await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', String(port))
  if (replica !== undefined) {
    const id = await first.admin.call('CLUSTER', 'MYID') as string
    while (!(await replica.admin.call('CLUSTER', 'NODES') as string).includes(id));
    await replica.admin.call('CLUSTER', 'REPLICATE', id)
  }
  for (const { admin } of nodes) {
    while (!(await admin.cluster('INFO') as string).includes('cluster_state:ok'));
    if (replica !== undefined) while (!/ slave /.test((await admin.call('CLUSTER', 'NODES') as string).replaceAll('myself,', '')));
  }
  if (replica !== undefined) while (!/master_link_status:up/.test(await replica.admin.info('replication')));
  return { url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, nodes }
}

function temporaryFolder (t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'openai-compat-redis-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) })
  return folder
}

async function freePort (): Promise<number> {
  // Redis Cluster listens on port + 10000 too, so the port must be low enough for that.
  for (;;) {
    const probe = createServer().listen(20000 + Math.floor(Math.random() * 10000), '127.0.0.1')
    try {
      await once(probe, 'listening')
    } catch {
      continue
    }
    const { port } = probe.address() as AddressInfo
    probe.close()
    await once(probe, 'close')
    return port
  }
}

/** Why tests with a server of their own cannot run here, or false. */
export const skipOwnRedis: string | false = spawnSync('redis-server', ['--version']).error !== undefined &&
  'needs the program redis-server; install it with: apt-get install redis-server'
