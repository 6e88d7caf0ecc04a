import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import type { Test } from 'tap'
import { startPostgres, startStandby, type OwnPostgres } from '../helpers/postgres-server.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import type { ChaosStore, Undo } from './store.js'
import { TIMEOUT_MS } from './times.js'
import { until } from './until.js'

/** Connections that a database with too few of them gives to all instances together. */
const FEW = 8

/** The servers are no superusers, for whom limits do not hold. */
const PREPARE = ['CREATE ROLE chaos LOGIN', 'CREATE DATABASE chaos OWNER chaos', 'ALTER ROLE chaos SET synchronous_commit = on']

export async function startPostgresStore (t: Test): Promise<ChaosStore> {
  const server = await startPostgres(t)
  for (const statement of PREPARE) await server.query(statement)
  const proxy = await startProxy(t, urlOf(server))
  return {
    url: `${proxy.url}?timeoutMs=${TIMEOUT_MS}`,
    instances: 3,
    proxy,
    faults: {
      async crash () {
        await server.crash()
        return async () => { await server.restart() }
      },
      async pause () {
        const { pid } = server.process
        const family = [pid!, ...childrenOf(pid!)]
        for (const each of family) process.kill(each, 'SIGSTOP')
        return async () => { for (const each of family) process.kill(each, 'SIGCONT') }
      },
      readonly: async () => await readOnly(server),
      async full () {
        const tables = await tablesOf(server)
        await inDatabase(server, [
          'CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \'could not extend file: No space left on device\' USING ERRCODE = \'disk_full\'; END $$',
          ...tables.map(table => `CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION public.full_disk()`)
        ])
        return async () => { await inDatabase(server, ['DROP FUNCTION public.full_disk CASCADE']) }
      },
      async starved () {
        await server.query(`ALTER ROLE chaos CONNECTION LIMIT ${FEW}`)
        await server.query(`SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE usename = 'chaos' OFFSET ${FEW / 2}) AS rest`)
        return async () => { await server.query('ALTER ROLE chaos CONNECTION LIMIT -1') }
      },
      async locked () {
        const tables = await tablesOf(server)
        const holder = new pg.Client({ connectionString: urlOf(server, 'postgres') })
        holder.on('error', () => {})
        await holder.connect()
        // As a migration or a forgotten transaction does: writes wait behind it.
        // What writes to several of them may hold one already and wait for another: then PostgreSQL ends one of the two.
        await until(async () => {
          await holder.query('ROLLBACK')
          await holder.query(`BEGIN; LOCK TABLE ${tables.join(', ')} IN EXCLUSIVE MODE`)
          return true
        })
        return async () => { await holder.end() }
      }
    }
  }
}

export async function startStandbyStore (t: Test): Promise<ChaosStore> {
  let primary = await startPostgres(t)
  for (const statement of PREPARE) await primary.query(statement)
  let standby = await joined(t, primary)
  const proxy = await startProxy(t, urlOf(primary))
  return {
    url: `${proxy.url}?timeoutMs=${TIMEOUT_MS}`,
    instances: 3,
    proxy,
    faults: {
      /** The primary dies, and the address leads to the standby. */
      async failover () {
        await primary.crash()
        return await promoted()
      },
      /** The primary stays, with its clients, but takes no more writes. */
      async switchover () {
        await primary.query('ALTER SYSTEM SET default_transaction_read_only = on')
        await primary.query('SELECT pg_reload_conf()')
        return await promoted()
      }
    }
  }

  async function promoted (): Promise<Undo> {
    await standby.query('SELECT pg_promote()')
    await alone(standby)
    proxy.target(urlOf(standby))
    return async () => {
      const old = primary
      primary = standby
      await old.crash()
      standby = await joined(t, primary)
    }
  }
}

/** A standby without which the primary acknowledges nothing. */
async function joined (t: Test, primary: OwnPostgres): Promise<OwnPostgres> {
  const standby = await startStandby(t, primary)
  await set(primary, 'synchronous_standby_names = \'*\'')
  await until(async () => (await primary.query('SELECT 1 FROM pg_stat_replication WHERE sync_state = \'sync\'')).rowCount === 1)
  return standby
}

async function alone (server: OwnPostgres): Promise<void> {
  await until(async () => (await server.query('SELECT pg_is_in_recovery() AS is')).rows[0].is === false)
  await set(server, 'synchronous_standby_names = \'\'')
  await set(server, 'default_transaction_read_only = off')
}

async function readOnly (server: OwnPostgres): Promise<Undo> {
  await set(server, 'default_transaction_read_only = on')
  return async () => { await set(server, 'default_transaction_read_only = off') }
}

/** For the whole server, also where that has become read-only. */
async function set (server: OwnPostgres, setting: string): Promise<void> {
  await server.query(`ALTER SYSTEM SET ${setting}`)
  await server.query('SELECT pg_reload_conf()')
}

const urlOf = ({ port }: OwnPostgres, role = 'chaos'): string => `postgres://${role}@127.0.0.1:${port}/chaos`

async function inDatabase (server: OwnPostgres, statements: readonly string[]): Promise<pg.QueryResult[]> {
  const client = new pg.Client({ connectionString: urlOf(server, 'postgres') })
  client.on('error', () => {})
  await client.connect()
  try {
    const results: pg.QueryResult[] = []
    for (const statement of statements) results.push(await client.query(statement))
    return results
  } finally {
    await client.end()
  }
}

async function tablesOf (server: OwnPostgres): Promise<string[]> {
  const [result] = await inDatabase(server, ['SELECT quote_ident(schemaname) || \'.\' || quote_ident(tablename) AS name FROM pg_tables WHERE tableowner = \'chaos\' AND tablename NOT LIKE \'%migration%\''])
  return result!.rows.map(({ name }) => name as string)
}

function childrenOf (parent: number): number[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(pid => {
    try {
      // The name of the program stands in parentheses and may hold anything; the parent is the second field behind it.
      return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[1]) === parent
    } catch {
      return false
    }
  })
}
