/** A project of 1,000,000 threads in PostgreSQL: what they cost on the disk and in a request, and how long a server takes that starts with runs to recover. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import pg from 'pg'
import { start, type Child } from '../table/child.js'
import { call, each, get, many, now, quantile } from '../table/load.js'
import type { SharedStore } from './stores.js'
import { startInstance } from './throughput.js'

export interface State {
  threads: number
  /** Of 64 clients. */
  createsPerS: number
  getMs: { p50: number, p99: number }
  newestMs: number
  oldestMs: number
  middleMs: number
}

export interface Recovery {
  activeRuns: number
  leaseMs: number
  /** From the start of the process until it takes requests. */
  listensMs: number
  /** From there until all runs have ended. Null without runs. */
  restedMs: number | null
}

export interface ManyThreads {
  states: State[]
  rows: number
  bytes: { table: number, indexes: number }
  fillS: number
  /** With few threads and with many, each without and with runs. */
  recoveries: (Recovery & { threads: number })[]
}

const TABLE = 'openai_compat_data'
/** Ends in a position in the index of threads. The collation is that of the index that serves it. */
const AT = `SELECT id FROM ${TABLE} WHERE project COLLATE "POSIX" = 'default' AND partition COLLATE "POSIX" = 'threads' AND kind COLLATE "POSIX" = 'thread' AND parent COLLATE "POSIX" = '' AND position`
const LEASE_MS = 3000
const question = { messages: [{ role: 'user', content: 'x'.repeat(400) }] }

export async function manyThreads (store: SharedStore, vendor: Child, quick: boolean): Promise<ManyThreads> {
  const [threads, active] = quick ? [20_000, 50] : [1_000_000, 1000]
  const client = new pg.Client(store.url)
  await client.connect()
  try {
    const states: State[] = []
    const recoveries: ManyThreads['recoveries'] = []
    const look = async (): Promise<void> => {
      const instance = await startInstance(store, vendor)
      try {
        states.push(await stateOf(instance, client, quick))
      } finally {
        await instance.stop()
      }
      for (const runs of [0, active]) recoveries.push({ threads: states.at(-1)!.threads, ...await recovery(store, vendor, runs) })
    }
    await look()
    const began = now()
    await fill(client, threads - await countOf(client))
    const fillS = (now() - began) / 1000
    await look()
    const { rows: [size] } = await client.query<any>(`SELECT pg_table_size('${TABLE}') "table", pg_indexes_size('${TABLE}') indexes, (SELECT reltuples FROM pg_class WHERE oid = '${TABLE}'::regclass) "rows"`)
    return { states, rows: Number(size.rows), bytes: { table: Number(size.table), indexes: Number(size.indexes) }, fillS, recoveries }
  } finally {
    await client.end()
  }
}

/** Of the index, by its head row: each place in it was given to one thread, and none is deleted here. */
async function countOf (client: pg.Client): Promise<number> {
  const { rows: [row] } = await client.query<any>(`SELECT version FROM ${TABLE} WHERE project = 'default' AND partition = 'threads' AND kind = '' AND id = ''`)
  return Number(row?.version ?? 0)
}

async function stateOf (instance: Child, client: pg.Client, quick: boolean): Promise<State> {
  const url = `${instance.url}/v1/threads`
  const creates = quick ? 500 : 4000
  await many(creates / 4, 64, async () => await call('POST', url, question))
  const ms = await many(creates, 64, async () => await call('POST', url, question))
  const threads = await countOf(client)
  const { rows } = await client.query<{ id: string }>(`${AT} = ANY ($1)`,
    [Array.from({ length: quick ? 100 : 1000 }, () => 1 + Math.floor(Math.random() * threads))])
  const times: number[] = []
  for (const { id } of rows) times.push(...await each(1, async () => await get(`${url}/${id}`)))
  const middle = (await client.query<{ id: string }>(`${AT} = $1`, [Math.ceil(threads / 2)])).rows[0]!.id
  const pages = ['', '&order=asc', `&after=${middle}`]
  const paged = pages.map(() => [] as number[])
  for (let n = 0; n < (quick ? 30 : 120); n++) for (const [i, query] of pages.entries()) paged[i]!.push(...await each(1, async () => await get(`${url}?limit=20${query}`)))
  // The first ones are not counted: what makes requests fast is not there yet.
  const [newestMs, oldestMs, middleMs] = paged.map(of => quantile(of.slice(10), 0.5)) as [number, number, number]
  return {
    threads,
    createsPerS: creates / ms * 1000,
    getMs: { p50: quantile(times.slice(10), 0.5), p99: quantile(times.slice(10), 0.99) },
    newestMs,
    oldestMs,
    middleMs
  }
}

/**
 * Makes threads as the server makes them, by copying the rows of one: its own, and its entry in the index of threads. The indexes are made
 * anew behind it, as after a restored backup. What a thread is on the disk is therefore a little less than after a million requests.
 */
async function fill (client: pg.Client, count: number): Promise<void> {
  const { rows: [{ id: pattern, highest }] } = await client.query<any>(`
    SELECT t.id, h.version highest FROM ${TABLE} t, ${TABLE} h WHERE t.project = 'default' AND t.partition = 'threads' AND t.kind = 'thread'
    AND h.project = 'default' AND h.partition = 'threads' AND h.kind = '' AND h.id = '' ORDER BY t.position LIMIT 1`)
  const message = (await client.query<any>(`SELECT id FROM ${TABLE} WHERE project = 'default' AND partition = $1 AND kind = 'message'`, [pattern])).rows[0].id
  const indexes = (await client.query<any>(`SELECT indexdef FROM pg_indexes WHERE tablename = '${TABLE}' AND indexname NOT LIKE '%_pkey'`)).rows.map(({ indexdef }: { indexdef: string }) => indexdef)
  const key = (await client.query<any>(`SELECT conname, pg_get_constraintdef(oid) def FROM pg_constraint WHERE conrelid = '${TABLE}'::regclass AND contype = 'p'`)).rows[0]
  // The rows of one thread are in one place of the primary key.
  await client.query(`CREATE TEMP TABLE pattern AS SELECT * FROM ${TABLE} WHERE project = 'default' AND (partition = '${pattern}' OR (partition = 'threads' AND kind = 'thread' AND id = '${pattern}'))`)
  await client.query('SET synchronous_commit = off; SET maintenance_work_mem = \'512MB\'')
  for (const definition of indexes) await client.query(`DROP INDEX ${/INDEX (\S+) ON/.exec(definition)![1]}`)
  await client.query(`ALTER TABLE ${TABLE} DROP CONSTRAINT ${key.conname}`)
  await client.query(`
    INSERT INTO ${TABLE} SELECT project, replace(partition, '${pattern}', n.thread), kind, replace(replace(id, '${pattern}', n.thread), '${message}', n.message), parent,
      CASE partition WHEN 'threads' THEN ${highest} + n.n ELSE position END, version, replace(replace(body::text, '${pattern}', n.thread), '${message}', n.message)::json
    FROM (SELECT n, 'thread_' || left(md5('thread' || n), 24) thread, 'msg_' || left(md5('message' || n), 24) message FROM generate_series(1, ${count}) n) n, pattern`)
  await client.query(`ALTER TABLE ${TABLE} ADD CONSTRAINT ${key.conname} ${key.def}`)
  for (const definition of indexes) await client.query(definition)
  await client.query(`UPDATE ${TABLE} SET version = ${highest} + ${count} WHERE project = 'default' AND partition = 'threads' AND kind = '' AND id = ''`)
  await client.query(`VACUUM (ANALYZE) ${TABLE}`)
  await client.query('CHECKPOINT')
}

/** An instance with so many runs under way is killed, and another started once their leases have lapsed. */
async function recovery (store: SharedStore, vendor: Child, runs: number): Promise<Recovery> {
  const env = { RUN_LEASE_MS: String(LEASE_MS) }
  const started: { id: string, thread_id: string }[] = []
  if (runs > 0) {
    // A model that says nothing.
    const silent = createServer(socket => { socket.on('error', () => {}) }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const doomed = await start('../../lib/cli.js', ['--port', '0', '--storage', store.url, '--base-url', `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`, '--log-level', 'warn', '--no-console'], env)
    const { id } = await call('POST', `${doomed.url}/v1/assistants`, { model: 'fast-10' })
    await many(runs, 64, async () => { started.push(await call('POST', `${doomed.url}/v1/threads/runs`, { assistant_id: id, thread: question })) })
    process.kill(doomed.pid, 'SIGKILL')
    silent.close()
    await new Promise(resolve => setTimeout(resolve, LEASE_MS * 1.1))
  }
  const began = now()
  const instance = await startInstance(store, vendor, env)
  const listening = now()
  try {
    await many(started.length, 8, async n => {
      const url = `${instance.url}/v1/threads/${started[n]!.thread_id}/runs/${started[n]!.id}`
      for (let status = ''; status !== 'completed';) {
        ({ status } = await call('GET', url))
        if (status === 'in_progress') await new Promise(resolve => setTimeout(resolve, 50))
        else if (status !== 'completed') throw new Error(`a recovered run is ${status}`)
      }
    })
    return { activeRuns: runs, leaseMs: LEASE_MS, listensMs: listening - began, restedMs: runs > 0 ? now() - listening : null }
  } finally {
    await instance.stop()
  }
}
