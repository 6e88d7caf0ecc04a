import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { freePort } from './free-port.js'

export interface OwnPostgres {
  url: string
  port: number
  process: ChildProcess
  /** Runs a statement beside the store. */
  query (sql: string, values?: unknown[]): Promise<pg.QueryResult>
  /** Ends it at once, in the middle of whatever it does, its children too. */
  crash (): Promise<void>
  /** Starts it again once it has ended. */
  restart (): Promise<void>
}

const ROOT = '/usr/lib/postgresql'
const folder = existsSync(ROOT) ? readdirSync(ROOT).map(version => `${ROOT}/${version}/bin`).filter(bin => existsSync(`${bin}/initdb`)).at(-1) : undefined

/** Why tests with a PostgreSQL of their own cannot run here, or false. */
export const skipOwnPostgres: string | false = folder === undefined && 'needs the programs of PostgreSQL; install them with: apt-get install postgresql'

/** A PostgreSQL server of the test's own. What it acknowledges is not kept for long: `fsync` is off. */
export async function startPostgres (t: Test): Promise<OwnPostgres> {
  return await start(t, data => { run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync']) })
}

/** A hot standby of another one, which becomes a primary by `SELECT pg_promote()`. */
export async function startStandby (t: Test, { port }: OwnPostgres): Promise<OwnPostgres> {
  return await start(t, data => { run('pg_basebackup', ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-D', data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync']) })
}

async function start (t: Test, prepare: (data: string) => void): Promise<OwnPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'openai-compat-pg-'))
  if (user !== undefined) chownSync(home, user.uid, user.gid)
  const data = join(home, 'data')
  prepare(data)
  const port = await freePort()
  const launch = (): ChildProcess => spawn(join(folder!, 'postgres'), ['-D', data, '-p', String(port), '-k', home, '-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=60'], { stdio: 'ignore', ...user })
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const query = async (sql: string, values?: unknown[]): Promise<pg.QueryResult> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.query(sql, values)
    } finally {
      await client.end()
    }
  }
  const answers = async (): Promise<void> => { while (await query('SELECT 1').then(() => false, () => postgres.process.exitCode === null)); }
  const postgres: OwnPostgres = {
    url,
    port,
    process: launch(),
    query,
    async crash () {
      const exited = postgres.process.exitCode === null ? once(postgres.process, 'exit') : undefined
      postgres.process.kill('SIGCONT')
      // Without leaving its children behind, as SIGKILL would.
      postgres.process.kill('SIGQUIT')
      await exited
    },
    async restart () {
      postgres.process = launch()
      await answers()
    }
  }
  t.teardown(async () => {
    await postgres.crash()
    rmSync(home, { recursive: true, force: true })
  })
  await answers()
  return postgres
}

/** PostgreSQL refuses to be run by root. */
const user = process.getuid?.() === 0 && folder !== undefined ? { uid: id('-u'), gid: id('-g') } : undefined

function id (flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}

function run (program: string, args: string[]): void {
  execFileSync(join(folder!, program), args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/', ...user })
}
