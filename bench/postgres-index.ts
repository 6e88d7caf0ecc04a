/**
 * The search index in PostgreSQL with a million chunks: how long a search takes, what a new instance needs before its first answer, how much memory
 * an instance takes, and how fast files are added beside what is there.
 *
 *   DATABASE_URL=postgres://… npm run bench -- build/bench/postgres-index.js
 *
 * The server needs pgvector, some gigabytes of disk, and `maintenance_work_mem` for the graph. Chunks are written as `addChunks` does, but many at a time
 * and before the indexes are made. Everything is in a schema of its own, dropped at the end unless KEEP=1; KEEP=1 also takes up what is there.
 */
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { PostgresIndex } from '../lib/retrieval/index/postgres/postgres-index.js'
import { columnsOf, signed, storeHash } from '../lib/retrieval/index/postgres/passages.js'
import { indexTables } from '../lib/retrieval/index/postgres/tables.js'
import { seeded, VOCABULARY, wordOf } from './data/words.js'

const CHUNKS = Number(process.env.CHUNKS ?? 1_000_000)
const DIMENSIONS = Number(process.env.DIMENSIONS ?? 256)
const WORDS = Number(process.env.WORDS ?? 200)
const PER_FILE = 100
const SEARCHES = 300
const CENTRES = 1_000
const NOISES = 10_000
const schema = process.env.SCHEMA ?? 'bench_index'
const connectionString = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const store = { project: 'bench', storeId: 'vs_bench' }
const log = { debug () {}, info () {}, warn: console.warn, error: console.error }
const tables = indexTables({ schema })

const open = (): PostgresIndex => new PostgresIndex({ connectionString, schema, timeoutMs: 60_000, identity: async () => 'bench', log })

async function sql (text: string, values: unknown[] = []): Promise<any[]> {
  return (await client.query({ text, values, rowMode: 'array' })).rows
}

async function timed<T> (what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await work()
  console.log(`${what}: ${((performance.now() - began) / 1000).toFixed(0)} s`)
  return result
}

const term = (word: number): string => `w${word.toString(36)}x`
const textOf = (next: () => number, words: number): string => Array.from({ length: words }, () => term(wordOf(next))).join(' ')

async function fill (): Promise<void> {
  const index = open()
  await index.open()
  await index.addFile(store, { fileId: 'first', name: '', generation: 'first', attributes: {}, model: 'stand-in' }, 1)
  await index.close()
  const [[number]] = await sql(`SELECT number FROM ${tables.stores}`)
  await sql('SET statement_timeout = 0')
  for (const table of ['chunks', 'vectors'] as const) {
    for (const [name] of await sql('SELECT indexname FROM pg_indexes WHERE schemaname = $1 AND tablename LIKE $2', [schema, `%_${table}`])) {
      if (/pkey$/.test(name)) await sql(`ALTER TABLE ${tables[table]} DROP CONSTRAINT "${name}"`)
      else await sql(`DROP INDEX ${schema}."${name}"`)
    }
  }
  const next = seeded(2)
  const documents = new Int32Array(VOCABULARY)
  const files = Math.ceil(CHUNKS / PER_FILE)
  await timed(`${CHUNKS} chunks of ${WORDS} words written`, async () => {
    await sql(`INSERT INTO ${tables.files} (store, file_id, generation, attributes, model, ready, passages)
      SELECT $1, 'f' || i, 'g' || i, jsonb_build_object('group', i % 100), 'stand-in', true, ${PER_FILE} FROM generate_series(1, $2) AS i`, [number, files])
    const [[firstFile]] = await sql(`SELECT min(number)::float8 FROM ${tables.files} WHERE file_id = 'f1'`)
    for (let from = 0; from < CHUNKS; from += 2_000) {
      const rows = Array.from({ length: Math.min(2_000, CHUNKS - from) }, (_, i) => {
        const words = Array.from({ length: WORDS }, () => wordOf(next))
        for (const word of new Set(words)) documents[word]!++
        return { file: firstFile + Math.floor((from + i) / PER_FILE), number: (from + i) % PER_FILE, ...columnsOf(number, words.map(term)) }
      })
      await sql(`INSERT INTO ${tables.chunks} (store, file, number, language, length, terms, counts)
        SELECT $1, w.file, w.number, 'en', ${WORDS}, w.terms::int[], w.counts::bytea FROM unnest($2::bigint[], $3::int[], $4::text[], $5::text[]) AS w (file, number, terms, counts)`,
      [number, rows.map(row => row.file), rows.map(row => row.number), rows.map(row => row.terms), rows.map(row => row.counts)])
    }
    const words = Array.from({ length: VOCABULARY }, (_, word) => word)
    await sql(`INSERT INTO ${tables.terms} SELECT $1, w.hash, w.documents, w.term FROM unnest($2::int[], $3::int[], $4::text[]) AS w (hash, documents, term)`,
      [number, words.map(word => signed(storeHash(number, term(word)))), [...documents], words.map(term)])
    await sql(`UPDATE ${tables.stores} SET passages = $1, terms = $2, languages = '{"en": 1}'`, [CHUNKS, CHUNKS * WORDS])
  })
  // Around centres, as embeddings are: of random vectors none is near another.
  await timed(`vectors of ${DIMENSIONS} dimensions written`, async () => {
    for (const [name, count] of [['centres', CENTRES], ['noises', NOISES]]) {
      await sql(`CREATE TEMP TABLE ${name} AS SELECT i, array_agg(random() - 0.5)::vector AS v FROM generate_series(0, ${count} - 1) AS i, generate_series(1, ${DIMENSIONS}) GROUP BY i`)
    }
    await sql(`INSERT INTO ${tables.models} (name, dimensions) VALUES ('stand-in', ${DIMENSIONS})`)
    await sql(`INSERT INTO ${tables.vectors} SELECT $1, 1, c.file, c.number, l2_normalize(a.v + b.v)::halfvec
      FROM (SELECT file, number, floor(random() * ${CENTRES})::int AS centre, floor(random() * ${NOISES})::int AS noise FROM ${tables.chunks}) AS c JOIN centres AS a ON a.i = c.centre JOIN noises AS b ON b.i = c.noise`, [number])
  })
  await timed('indexes of terms and places made', async () => {
    await sql(`ALTER TABLE ${tables.chunks} ADD PRIMARY KEY (file, number)`)
    await sql(`CREATE INDEX ON ${tables.chunks} USING gin (terms)`)
    await sql(`ALTER TABLE ${tables.vectors} ADD PRIMARY KEY (file, number)`)
    await sql(`CREATE INDEX ON ${tables.vectors} (store, model)`)
    for (const table of [tables.chunks, tables.vectors, tables.files, tables.terms]) await sql(`VACUUM ANALYZE ${table}`)
  })
  await timed('graph of the vectors made', async () => {
    const index = open()
    await index.addFile(store, { fileId: 'last', name: '', generation: 'last', attributes: {}, model: 'stand-in' }, 2)
    await index.settled()
    await index.close()
  })
}

/** Near to one that is there. */
async function nearOne (): Promise<Float32Array> {
  const [[firstFile]] = await sql(`SELECT number::float8 FROM ${tables.files} WHERE file_id = 'f1'`)
  const [[v]] = await sql(`SELECT (v.vector::vector + l2_normalize((SELECT array_agg(random() - 0.5) FROM generate_series(1, ${DIMENSIONS}))::vector))::text FROM ${tables.vectors} AS v
    WHERE v.file = $1 LIMIT 1`, [firstFile + Math.floor(Math.random() * CHUNKS / PER_FILE)])
  return Float32Array.from(JSON.parse(v) as number[])
}

function percentiles (times: number[]): string {
  times.sort((a, b) => a - b)
  return `p50 ${times[Math.floor(times.length / 2)]!.toFixed(1)} ms, p99 ${times[Math.floor(times.length * 0.99)]!.toFixed(1)} ms`
}

async function search (): Promise<void> {
  const index = open()
  const next = seeded(3)
  const vectors: Float32Array[] = []
  while (vectors.length < SEARCHES) vectors.push(await nearOne())
  const group = { type: 'eq', key: 'group', value: 7 } as const
  for (const [name, words, near, filter] of [['six words of the texts', 6, false], ['a vector', 0, true], ['six words and a vector', 6, true], ['the same in a hundredth of the files', 6, true, group]] as const) {
    const ask = async (i: number) => await index.search([store], {
      text: textOf(next, words), ...near ? { near: { model: 'stand-in', vector: vectors[i]! } } : {}, ...filter === undefined ? {} : { filter }, limit: 20
    })
    // Others than those that are timed.
    for (let i = 0; i < 50; i++) await ask(i)
    const times: number[] = []
    for (let i = 0; i < SEARCHES; i++) {
      const began = performance.now()
      await ask(i)
      times.push(performance.now() - began)
    }
    console.log(`search among ${CHUNKS} chunks, ${name}: ${percentiles(times)}`)
  }
  const exact = new PostgresIndex({ connectionString, schema, timeoutMs: 60_000, identity: async () => 'bench', log, compared: Infinity })
  let [same, all, nearest] = [0, 0, 0]
  for (const vector of vectors.slice(0, 20)) {
    const query = { text: '', near: { model: 'stand-in', vector }, limit: 20 }
    const [expected, found] = [await exact.search([store], query), new Set((await index.search([store], query)).map(({ fileId, number }) => `${fileId} ${number}`))]
    same += expected.filter(({ fileId, number }) => found.has(`${fileId} ${number}`)).length
    all += expected.length
    if (found.has(`${expected[0]?.fileId} ${expected[0]?.number}`)) nearest++
  }
  console.log(`of the 20 nearest passages the graph finds ${(100 * same / all).toFixed(1)} %, the nearest one for ${nearest} of 20 queries`)
  await Promise.all([index.close(), exact.close()])
}

/** Files of ten passages, through the index itself. */
async function add (): Promise<void> {
  const index = open()
  const next = seeded(5)
  const began = performance.now()
  const files = 50
  const cursor = await index.cursor(store)
  for (let f = 0; f < files; f++) {
    const file = { fileId: `new ${f}`, name: '', generation: `new ${cursor} ${f}`, attributes: {}, model: 'stand-in' }
    await index.addChunks(store, file, Array.from({ length: 10 }, (_, number) => ({ number, text: textOf(next, 500), vector: Float32Array.from({ length: DIMENSIONS }, () => next() - 0.5) })))
    await index.addFile(store, file, cursor + f + 1)
  }
  console.log(`files of 10 chunks of 500 words added: ${(files / ((performance.now() - began) / 1000)).toFixed(1)} per second`)
  await index.close()
}

/** In a process of its own: what an instance does after a start. */
async function instance (): Promise<void> {
  const vector = await nearOne()
  const before = process.memoryUsage().rss
  const index = open()
  const began = performance.now()
  const cursor = await index.cursor(store)
  await index.search([store], { text: 'w5x w40x', near: { model: 'stand-in', vector }, limit: 20 })
  const first = performance.now() - began
  for (let i = 0; i < 200; i++) await index.search([store], { text: textOf(seeded(i), 6), near: { model: 'stand-in', vector }, limit: 20 })
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20)
  console.log(`a new instance knows of everything (position ${cursor}) and has its first answer after ${first.toFixed(0)} ms; it takes ${mb(process.memoryUsage().rss - before)} MB more than before (${mb(process.memoryUsage().rss)} MB in all) after 200 searches`)
  await index.close()
}

const client = new pg.Client({ connectionString })
await client.connect()
try {
  if (process.argv[2] === 'instance') await instance()
  else {
    const [[version]] = await sql('SHOW server_version')
    console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, PostgreSQL ${version}`)
    const [known] = await sql('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
    if (known === undefined || process.env.KEEP !== '1') {
      await sql(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      await fill()
    }
    const [[table, graph, terms, vectors]] = await sql(`SELECT pg_size_pretty(pg_table_size('${tables.chunks}')), (SELECT pg_size_pretty(sum(pg_relation_size(format('%I.%I', schemaname, indexname)::regclass))) FROM pg_indexes WHERE schemaname = $1 AND indexdef LIKE '%hnsw%'),
      (SELECT pg_size_pretty(sum(pg_relation_size(format('%I.%I', schemaname, indexname)::regclass))) FROM pg_indexes WHERE schemaname = $1 AND indexdef LIKE '%gin%'), pg_size_pretty(pg_table_size('${tables.vectors}'))`, [schema])
    console.log(`on disk: passages ${table}, index of terms ${terms}, vectors ${vectors}, graph ${graph}`)
    await search()
    process.stdout.write(execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'instance']))
    await add()
  }
} finally {
  if (process.argv[2] !== 'instance' && process.env.KEEP !== '1') await sql(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  await client.end()
}
