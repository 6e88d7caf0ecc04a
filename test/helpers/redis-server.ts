import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import type { Test } from 'tap'

export interface OwnRedis {
  port: number
  url: string
  /** A client beside the store, for looking and meddling. */
  admin: Redis
  process: ChildProcess
}

/** A Redis server of the test's own, that it may pause and kill. Nothing is kept on disk. */
export async function startRedis (t: Test, { port, cluster = false }: { port?: number, cluster?: boolean } = {}): Promise<OwnRedis> {
  port ??= await freePort()
  const server = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', t.testdir(), ...(cluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] : [])], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => server.kill('SIGKILL'))
  await new Promise<void>((resolve, reject) => {
    createInterface(server.stdout).on('line', line => { if (line.includes('Ready to accept connections')) resolve() })
    server.once('exit', () => reject(new Error('redis-server did not start')))
  })
  const admin = new Redis({ port, retryStrategy: null! })
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())
  return { port, url: `redis://127.0.0.1:${port}`, admin, process: server }
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
