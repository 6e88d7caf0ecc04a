/** The stores that instances share, each with a server or a database of the measurement's own, and the processor time that they use. */
import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { skipOwnRedis, startCluster, startRedis, type OwnRedis, type Teardown } from '../../test/helpers/redis-server.js'

export interface SharedStore {
  name: StoreName
  /** Version and settings, as a person would say them. */
  about: string
  /** For `--storage`. */
  url: string
  /** Milliseconds of processor time so far, of each of its nodes; undefined where it cannot be seen from here. */
  cpuMs (): Promise<number[] | undefined>
}

export type StoreName = 'redis' | 'cluster' | 'postgres'

/** What is kept on the disk, a second late at most: Redis as one would run it for records. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'everysec']

/** Starts a store. Where it cannot, because this machine lacks it, the result is the reason. */
export async function startStore (t: Teardown, name: StoreName): Promise<SharedStore | string> {
  if (name === 'postgres') return await ownDatabase(t).catch((error: Error) => `no PostgreSQL: ${error.message}`)
  if (skipOwnRedis !== false) return skipOwnRedis
  if (name === 'redis') {
    const redis = await startRedis(t, { args: DURABLE })
    return { name, url: redis.url, about: await aboutRedis([redis]), cpuMs: async () => await cpuOfRedis([redis]) }
  }
  const { url, nodes } = await startCluster(t, { args: DURABLE, replica: false })
  return { name, url, about: await aboutRedis(nodes), cpuMs: async () => await cpuOfRedis(nodes) }
}

async function aboutRedis (nodes: readonly OwnRedis[]): Promise<string> {
  const [, version] = /redis_version:(\S+)/.exec(await nodes[0]!.admin.info('server'))!
  return `Redis ${version}${nodes.length > 1 ? `, a cluster of ${nodes.length} masters` : ''}, append-only file, fsync each second`
}

async function cpuOfRedis (nodes: readonly OwnRedis[]): Promise<number[]> {
  return await Promise.all(nodes.map(async ({ admin }) => {
    const info = await admin.info('cpu')
    const [user, system] = ['user', 'sys'].map(kind => Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(info)![1]))
    return (user! + system!) * 1000
  }))
}

/** A database on the server of DATABASE_URL, dropped in the end. */
async function ownDatabase (t: Teardown): Promise<SharedStore> {
  const server = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
  const admin = new pg.Client(server)
  await admin.connect()
  t.teardown(async () => await admin.end())
  const name = `openai_compat_scale_${process.pid}`
  await admin.query(`CREATE DATABASE ${name}`)
  t.teardown(async () => { await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) })
  const { rows: [{ version, sync, commit, pid }] } = await admin.query<any>('SELECT current_setting(\'server_version\') version, current_setting(\'fsync\') sync, current_setting(\'synchronous_commit\') commit, pg_backend_pid() pid')
  const url = new URL(server)
  url.pathname = `/${name}`
  const postmaster = postmasterOf(pid)
  return {
    name: 'postgres',
    url: url.href,
    about: `PostgreSQL ${String(version).split(' ')[0]}, fsync ${sync}, synchronous_commit ${commit}`,
    cpuMs: async () => postmaster === undefined ? undefined : [cpuOfTree(postmaster)]
  }
}

/** The fields of /proc/PID/stat from the state on; undefined for a process that is not there. */
function statOf (pid: number | string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** The process that all of PostgreSQL's are children of, where the server is on this machine. */
function postmasterOf (backend: number): number | undefined {
  try {
    if (!readFileSync(`/proc/${backend}/comm`, 'utf8').startsWith('postgres')) return undefined
  } catch {
    return undefined
  }
  return Number(statOf(backend)![1])
}

/** Linux counts in hundredths of a second. */
const TICK_MS = 10

/** Of a process, of those children of its that it has outlived, and of those that there are: all that others do on the server is in it, too. */
function cpuOfTree (parent: number): number {
  const times = (stat: string[], from: number, to: number): number => stat.slice(from, to).reduce((sum, ticks) => sum + Number(ticks), 0)
  let ticks = times(statOf(parent)!, 11, 15)
  for (const pid of readdirSync('/proc')) {
    const stat = /^\d+$/.test(pid) ? statOf(pid) : undefined
    if (stat?.[1] === String(parent)) ticks += times(stat, 11, 13)
  }
  return ticks * TICK_MS
}
