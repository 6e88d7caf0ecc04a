/**
 * How well and how fast vector stores search: recall@10 by words, by vectors (a deterministic stand-in for an embedding model, which
 * knows words only) and by both; documents per second while indexing; the time of a search among 100,000 chunks; what the graph of an index
 * in PostgreSQL finds of the nearest vectors, on the server of DATABASE_URL, or on PGlite where there is none.
 *
 *   npm run bench -- build/bench/retrieval.js [recall] [languages] [indexing] [search] [graph]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import pg from 'pg'
import { Core } from '../lib/core.js'
import { resolveOptions } from '../lib/options/options.js'
import type { IndexedFile } from '../lib/retrieval/index/contract.js'
import { PostgresIndex } from '../lib/retrieval/index/postgres/postgres-index.js'
import { WorkerIndex } from '../lib/retrieval/index/worker-index.js'
import { startPglite } from '../test/helpers/pglite.js'
import { embedText } from '../test/helpers/upstream-embedding.js'
import { LANGUAGE_SAMPLES } from '../test/data/languages.js'
import { documents, questions } from './data/corpus.js'
import { seeded, wordOf } from './data/words.js'

const DIMENSIONS = Number(process.env.DIMENSIONS ?? 256)
const FILES = 1000
const FILE_BYTES = 20_000
const CHUNKS = Number(process.env.CHUNKS ?? 100_000)
const SEARCHES = 300
const store = { project: 'bench', storeId: 'vs_bench' }
const folder = mkdtempSync(join(tmpdir(), 'bench-retrieval-'))
const wanted = process.argv.slice(2)
const parts = { recall, languages, indexing, search, graph }
const GRAPHS = (process.env.GRAPHS ?? '20000 100000').split(' ').map(Number)
const log = { debug () {}, info () {}, warn: console.warn, error: console.error }

const vectorOf = (text: string, dimensions = DIMENSIONS): Float32Array => Float32Array.from(embedText(text, dimensions))
const indexAt = (name: string): WorkerIndex => new WorkerIndex(async () => ({ path: join(folder, name), identity: 'bench', maxVectorBytes: 2 ** 30, temporary: true }))

async function recall (): Promise<void> {
  const index = indexAt('recall.db')
  for (const [i, { id, text }] of documents.entries()) {
    const file = { fileId: id, name: '', generation: id, attributes: {}, model: 'stand-in' }
    await index.addChunks(store, file, [{ number: 0, text, vector: vectorOf(text) }])
    await index.addFile(store, file, i + 1)
  }
  const modes = { 'words (BM25)': [true, false], vectors: [false, true], hybrid: [true, true] } as const
  for (const [mode, [words, vectors]] of Object.entries(modes)) {
    let found = 0
    for (const { text, answer } of questions) {
      const near = vectors ? { near: { model: 'stand-in', vector: vectorOf(text) } } : {}
      const hits = await index.search([store], { text: words ? text : '', ...near, limit: 10 })
      if (hits.some(({ fileId }) => fileId === answer)) found++
    }
    console.log(`recall@10, ${documents.length} documents, ${questions.length} questions, ${mode}: ${(found / questions.length).toFixed(3)}`)
  }
  await index.close()
}

/** Samples of all languages in one store. */
async function languages (): Promise<void> {
  const index = indexAt('languages.db')
  let cursor = 0
  for (const { language, passages } of LANGUAGE_SAMPLES) {
    for (const [i, text] of passages.entries()) {
      const file = { fileId: `${language} ${i}`, name: '', generation: `${language} ${i}`, attributes: {}, model: null }
      await index.addChunks(store, file, [{ number: 0, text }])
      await index.addFile(store, file, ++cursor)
    }
  }
  for (const { language, questions } of LANGUAGE_SAMPLES) {
    let [first, found] = [0, 0]
    for (const [text, passage] of questions) {
      const places = (await index.search([store], { text, limit: 10 })).map(({ fileId }) => fileId)
      if (places[0] === `${language} ${passage}`) first++
      if (places.includes(`${language} ${passage}`)) found++
    }
    console.log(`${language}: ${questions.length} questions, ${first} answered first, ${found} among the first ten`)
  }
  await index.close()
}

async function indexing (): Promise<void> {
  const core = new Core(resolveOptions({ storage: `sqlite:${join(folder, 'bench.db')}` }), log)
  await core.start()
  const { files, vectorStores } = core.project('bench')
  const ids: string[] = []
  const words = seeded(1)
  for (let i = 0; i < FILES; i++) {
    const text = textOf(words, FILE_BYTES / 6).slice(0, FILE_BYTES)
    ids.push((await files.create({ filename: `${i}.txt`, purpose: 'assistants' }, (async function * () { yield Buffer.from(text) })())).id)
  }
  const delay = monitorEventLoopDelay({ resolution: 5 })
  const { id } = await vectorStores.stores.create({})
  const began = performance.now()
  delay.enable()
  await vectorStores.batches.create(id, { file_ids: ids })
  for (;;) {
    const { file_counts: counts } = await vectorStores.stores.get(id)
    if (counts.in_progress === 0) break
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  delay.disable()
  const seconds = (performance.now() - began) / 1000
  console.log(`indexing ${FILES} files of ${FILE_BYTES} bytes (words, SQLite): ${(FILES / seconds).toFixed(1)} documents/s; event loop: p99 ${ms(delay.percentile(99))}, longest block ${ms(delay.max)}; RSS ${mb()} MB`)
  await core.stop()
}

async function search (): Promise<void> {
  const index = indexAt('search.db')
  const words = seeded(2)
  const perFile = 100
  const began = performance.now()
  for (let f = 0; f < CHUNKS / perFile; f++) {
    const file = { fileId: `f${f}`, name: '', generation: `f${f}`, attributes: {}, model: 'stand-in' }
    const chunks = Array.from({ length: perFile }, (_, number) => ({ number, text: textOf(words, 500), vector: randomVector(words) }))
    await index.addChunks(store, file, chunks)
    await index.addFile(store, file, f + 1)
  }
  console.log(`${CHUNKS} chunks of 500 words put into the index in ${((performance.now() - began) / 1000).toFixed(0)} s; RSS ${mb()} MB`)
  for (const near of [false, true]) {
    const times: number[] = []
    await index.search([store], { text: 'x', near: { model: 'stand-in', vector: randomVector(words) }, limit: 1 })
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    for (let i = 0; i < SEARCHES; i++) {
      const start = performance.now()
      await index.search([store], { text: textOf(words, 6), ...near ? { near: { model: 'stand-in', vector: randomVector(words) } } : {}, limit: 20 })
      times.push(performance.now() - start)
    }
    times.sort((a, b) => a - b)
    console.log(`search among ${CHUNKS} chunks, six words of the texts${near ? ` and a vector of ${DIMENSIONS}` : ''}: p50 ${times[SEARCHES / 2]!.toFixed(1)} ms, p99 ${times[Math.floor(SEARCHES * 0.99)]!.toFixed(1)} ms; event loop: longest block ${ms(delay.max)}; RSS ${mb()} MB`)
  }
  await index.close()
}

/** Of the ten nearest vectors by comparing all, how many the graph has among its ten. */
async function graph (): Promise<void> {
  const ends: (() => unknown)[] = []
  const connectionString = process.env.DATABASE_URL ?? await startPglite({ teardown: (end: () => unknown) => ends.push(end) } as unknown as Parameters<typeof startPglite>[0])
  const perFile = 100
  const client = new pg.Client({ connectionString })
  await client.connect()
  for (const count of GRAPHS) {
    const schema = `bench_graph_${count}`
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    const open = async (compared: number): Promise<PostgresIndex> => {
      const index = new PostgresIndex({ connectionString, schema, poolSize: 1, timeoutMs: 3_600_000, identity: async () => 'bench', log, compared })
      await index.open()
      return index
    }
    const next = seeded(4)
    // Around centres, as embeddings are: of random vectors none is near another.
    const centres = Array.from({ length: 1000 }, () => randomVector(next))
    const nearOne = (): Float32Array => {
      const centre = centres[Math.floor(next() * centres.length)]!
      return randomVector(next).map((value, i) => value + centre[i]!)
    }
    const exact = await open(Infinity)
    const fileOf = (name: string): IndexedFile => ({ fileId: name, name: '', generation: name, attributes: {}, model: 'stand-in' })
    for (let f = 0; f < count / perFile; f++) {
      await exact.addChunks(store, fileOf(`f${f}`), Array.from({ length: perFile }, (_, number) => ({ number, text: 'x', vector: nearOne() })))
      await exact.addFile(store, fileOf(`f${f}`), f + 1)
    }
    const approximate = await open(0)
    const began = performance.now()
    await approximate.addFile(store, fileOf('last'), count / perFile + 1)
    await approximate.settled()
    const seconds = (performance.now() - began) / 1000
    let found = 0
    for (let i = 0; i < 100; i++) {
      const query = { text: '', near: { model: 'stand-in', vector: nearOne() }, limit: 10 }
      const [nearest, graph] = [await exact.search([store], query), new Set((await approximate.search([store], query)).map(({ fileId, number }) => `${fileId} ${number}`))]
      found += nearest.filter(({ fileId, number }) => graph.has(`${fileId} ${number}`)).length
    }
    console.log(`graph of ${count} vectors of ${DIMENSIONS} dimensions (${process.env.DATABASE_URL === undefined ? 'PGlite' : 'PostgreSQL'}), made in ${seconds.toFixed(0)} s: recall@10 ${(found / 1000).toFixed(3)} of 100 queries`)
    await Promise.all([exact.close(), approximate.close()])
    await client.query(`DROP SCHEMA ${schema} CASCADE`)
  }
  await client.end()
  for (const end of ends) await end()
}

const ms = (nanoseconds: number): string => `${(nanoseconds / 1e6).toFixed(1)} ms`
const mb = (): number => Math.round(process.memoryUsage().rss / 2 ** 20)

function textOf (random: () => number, words: number): string {
  const text: string[] = []
  for (let i = 0; i < words; i++) {
    text.push(`w${wordOf(random).toString(36)}x`)
  }
  return text.join(' ')
}

function randomVector (random: () => number): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, () => random() - 0.5)
}

console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`)
for (const [name, measure] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await measure()
rmSync(folder, { recursive: true })
