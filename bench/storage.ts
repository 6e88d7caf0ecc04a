/**
 * What a write and a page cost in a thread of 10,000 messages compared with one of 10, and how many writes a second
 * each store takes compared with the least that its driver needs for a durable insert. Both sides of each comparison run
 * in turns in the same process, so that the ratios hold where the absolute numbers do not.
 *
 *   npm run bench -- build/bench/storage.js
 *
 * REDIS_URL and DATABASE_URL name the servers; one that does not answer is left out.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import Libsql from 'libsql'
import pg from 'pg'
import { MemoryRecordStore } from '../storage/memory/store.js'
import { PostgresRecordStore } from '../storage/postgres/store.js'
import type { PartitionKey, RecordStore } from '../storage/record-store.js'
import { RedisRecordStore } from '../storage/redis/store.js'
import { SqliteRecordStore } from '../storage/sqlite/store.js'

const SMALL = 10
const LARGE = 10_000
const PAGE = 5
const WRITERS = 64
const SECONDS = 2

interface Contender {
  name: string
  store: RecordStore
  /** The least that a durable insert of `body` under `id` takes with this driver. */
  floor: (id: string, body: string) => Promise<unknown>
  cleanUp: () => Promise<unknown>
}

const body = { object: 'thread.message', role: 'user', content: [{ type: 'text', text: { value: 'x'.repeat(400), annotations: [] } }], metadata: {} }
const project = `bench_${process.pid}`
const small: PartitionKey = { project, partition: 'small' }
const large: PartitionKey = { project, partition: 'large' }

async function microseconds (action: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await action()
  return (performance.now() - start) * 1000
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN

/** Median cost of an action in both partitions, in turns. `after` puts things back and is not counted. */
async function compare (action: (key: PartitionKey, size: number) => Promise<unknown>, after?: (key: PartitionKey) => Promise<unknown>): Promise<string> {
  const costs = { small: [] as number[], large: [] as number[] }
  for (let round = 0; round < 500; round++) {
    for (const [spent, key, size] of [[costs.small, small, SMALL], [costs.large, large, LARGE]] as const) {
      spent.push(await microseconds(() => action(key, size)))
      await after?.(key)
    }
  }
  const [inSmall, inLarge] = [median(costs.small), median(costs.large)]
  return `${inSmall.toFixed(0).padStart(5)} µs → ${inLarge.toFixed(0).padStart(5)} µs  ${(inLarge / inSmall).toFixed(2)}×`
}

async function depth ({ name, store }: Contender): Promise<void> {
  for (const [key, size] of [[small, SMALL], [large, LARGE]] as const) {
    await store.write(key, [
      { op: 'put', kind: 'thread', id: 'thread', body: {} },
      ...Array.from({ length: size }, (_, n) => ({ op: 'put', kind: 'message', id: `msg_${n}`, body }) as const)
    ])
  }
  const page = (position: (size: number) => number) => (key: PartitionKey, size: number) =>
    store.page({ ...key, kind: 'message', order: 'asc', limit: PAGE, after: position(size) })
  const rows: [string, string][] = [
    ['add a message', await compare(
      key => store.write(key, [{ op: 'check', kind: 'thread', id: 'thread', expect: 1 }, { op: 'put', kind: 'message', id: 'new', body }]),
      key => store.write(key, [{ op: 'delete', kind: 'message', id: 'new' }]))],
    ['get a message', await compare(key => store.get({ ...key, kind: 'message', id: 'msg_5' }))],
    // The thread itself has position 1, message n has n + 2.
    ['first page', await compare(page(() => 1))],
    ['middle page', await compare(page(size => size / 2 - 1))],
    ['last page', await compare(page(size => size - PAGE + 1))]
  ]
  for (const [what, cost] of rows) console.log(`${name.padEnd(9)} ${what.padEnd(14)} ${cost}`)
  const clear = await microseconds(() => store.write(large, [{ op: 'clear' }]))
  console.log(`${name.padEnd(9)} clear ${LARGE} records in ${(clear / 1000).toFixed(1)} ms`)
  await store.write(small, [{ op: 'clear' }])
}

/** How often `writers` at once get through `write` in a second. */
async function perSecond (writers: number, write: (id: string) => Promise<unknown>): Promise<number> {
  let count = 0
  const end = performance.now() + SECONDS * 1000
  await Promise.all(Array.from({ length: writers }, async (_, writer) => {
    while (performance.now() < end) {
      await write(`${writers}_${writer}_${count}`)
      count++
    }
  }))
  return count / SECONDS
}

let round = 0

async function throughput ({ name, store, floor }: Contender): Promise<void> {
  const json = JSON.stringify(body)
  for (const writers of [1, WRITERS]) {
    const run = round++
    const least = await perSecond(writers, id => floor(`${run}_${id}`, json))
    // As threads do, each writer has a partition of its own.
    const ours = await perSecond(writers, id => {
      const partition = `writer_${id.split('_')[1]}`
      return store.write({ project, partition }, [{ op: 'put', kind: 'message', id: `${run}_${id}`, body }])
    })
    console.log(`${name.padEnd(9)} ${String(writers).padStart(2)} writers ${ours.toFixed(0).padStart(7)}/s, floor ${least.toFixed(0).padStart(7)}/s  ${(ours / least).toFixed(2)}×`)
  }
}

function memory (): Contender {
  const map = new Map<string, string>()
  return { name: 'memory', store: new MemoryRecordStore(), floor: async (id, text) => map.set(id, text), cleanUp: async () => {} }
}

function sqlite (): Contender {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const database = new Libsql(join(folder, 'floor.db'))
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE records (id TEXT PRIMARY KEY, body TEXT)')
  const insert = database.prepare('INSERT INTO records VALUES (?, ?)')
  return {
    name: 'sqlite',
    store: new SqliteRecordStore({ path: join(folder, 'records.db') }),
    // One insert and one commit for each writer: what group commits can gain is measured against it.
    floor: async (id, text) => insert.run(id, text),
    cleanUp: async () => rmSync(folder, { recursive: true })
  }
}

function redis (): Contender {
  const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
  const client = new Redis(url, { lazyConnect: true })
  client.on('error', () => {})
  return {
    name: 'redis',
    store: new RedisRecordStore({ url, keyPrefix: `${project}:` }),
    floor: (id, text) => client.hset(`${project}:floor`, id, text),
    cleanUp: async () => {
      for await (const keys of client.scanStream({ match: `${project}:*`, count: 1000 })) {
        if (keys.length > 0) await client.unlink(keys)
      }
      client.disconnect()
    }
  }
}

function postgres (): Contender {
  const connectionString = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
  const pool = new pg.Pool({ connectionString, max: 10 })
  let table: Promise<unknown> | undefined
  return {
    name: 'postgres',
    store: new PostgresRecordStore({ connectionString, schema: project }),
    floor: async (id, text) => {
      await (table ??= pool.query(`CREATE TABLE ${project}.floor (id text PRIMARY KEY, body json)`))
      await pool.query(`INSERT INTO ${project}.floor VALUES ($1, $2)`, [id, text])
    },
    cleanUp: async () => {
      await pool.query(`DROP SCHEMA ${project} CASCADE`)
      await pool.end()
    }
  }
}

console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}; thread of ${SMALL} → thread of ${LARGE}, pages of ${PAGE}`)
for (const make of [memory, sqlite, redis, postgres]) {
  const contender = make()
  try {
    await contender.store.connect()
  } catch (error) {
    console.log(`${contender.name.padEnd(9)} left out: ${(error as Error).message}`)
    continue
  }
  try {
    await depth(contender)
    await throughput(contender)
  } finally {
    await contender.store.disconnect()
    await contender.cleanUp()
  }
}
