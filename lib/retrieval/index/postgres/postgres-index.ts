import type { PostgresRecordStoreOptions } from '../../../../storage/postgres/options.js'
import { turnOfTheLoop } from '../../../shared/batches.js'
import type { Logger } from '../../../shared/log.js'
import type { Language } from '../../analysis/function-words.js'
import { analysePassage } from '../../analysis/passage.js'
import type { IndexedChunk, IndexedFile, IndexHit, IndexOpeningsQuery, IndexQuery, RetrievalIndex, StoreRef } from '../contract.js'
import { IndexConnection, SLOW_MS } from './connection.js'
import { attributesText } from './filter.js'
import { columnsOf, signed, storeHash, vectorText } from './passages.js'
import { PostgresSearch } from './search.js'
import type { IndexTables, Query } from './tables.js'

export interface PostgresIndexOptions extends PostgresRecordStoreOptions {
  /** Names the records that the index was made from; asked for by the first call. */
  identity (): Promise<string>
  log: Logger
  /**
   * Vectors of one store and model that a search compares one by one, exactly: beyond, a graph is made of them (HNSW). Default 20,000.
   */
  compared?: number
}

const COMPARED = 20_000
/** pgvector's graphs take no longer ones; a search compares them all. */
const MAX_GRAPH_DIMENSIONS = 4_000
/** Passages that are analysed before others have the event loop. */
const TURN_EVERY = 4
/** Rows that are removed by one statement. */
const DROPPED_AT_ONCE = 5_000
/** Vectors that a graph looks at for one search, and how it goes on where a filter leaves too few. */
const GRAPH_SETTINGS = { 'hnsw.ef_search': '400', 'hnsw.iterative_scan': 'relaxed_order' }
/** What is found by an index must not be found by reading everything, even when the planner has no statistics. */
const SEARCH_SETTINGS = { ...GRAPH_SETTINGS, enable_seqscan: 'off', jit: 'off' }

/** The row of a generation of a file. */
interface FileRow {
  number: number
  ready: boolean
  language: Language | null
}

/**
 * Chunks of vector stores in PostgreSQL, for deployments that have more of them than one instance can keep. All instances share it, so that one
 * that starts has nothing to read. The database proposes passages, by a GIN index of their terms and by pgvector; what they are worth is
 * computed here, by the functions of the local index.
 *
 * What holds of a store as a whole (how often each term occurs, the position) is changed under a lock of the store's row.
 */
export class PostgresIndex implements RetrievalIndex {
  readonly #connection: IndexConnection
  readonly #identity: () => Promise<string>
  readonly #log: Logger
  readonly #compared: number
  #records: Promise<string> | undefined
  /** Graphs that are being made, or were; by store and model. */
  readonly #graphs = new Map<string, Promise<void>>()

  /** Throws a `TypeError` for a wrong option. */
  constructor ({ identity, log, compared = COMPARED, ...options }: PostgresIndexOptions) {
    this.#connection = new IndexConnection(options)
    this.#identity = identity
    this.#log = log
    this.#compared = compared
  }

  /** Connects. Throws a `StorageUnavailableError` when the database cannot be used. */
  async open (): Promise<void> {
    await this.#connection.open()
  }

  /** Throws a `StorageUnavailableError` when the database does not answer. */
  async check (): Promise<void> {
    await this.#connection.transaction(async query => await query('SELECT 1'))
  }

  async cursor (store: StoreRef): Promise<number> {
    return await this.#change(async (query, tables, records) => {
      const [row] = await query(`SELECT cursor::float8 FROM ${tables.stores} WHERE ${OF_STORE} AND NOT dropped`, [records, store.project, store.storeId])
      return row === undefined ? 0 : row[0] as number
    })
  }

  async has (store: StoreRef, generation: string, chunks?: number): Promise<boolean> {
    return await this.#change(async (query, tables, records) => {
      const number = await findStore(query, tables, records, store)
      const file = number === undefined ? undefined : await findFile(query, tables, number, generation)
      if (file === undefined || file.ready || chunks === undefined) return file?.ready === true
      const [row] = await query(`SELECT count(*)::int FROM ${tables.chunks} WHERE file = $1`, [file.number])
      return row![0] === chunks
    })
  }

  async addChunks (store: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): Promise<void> {
    const { number, row } = await this.#change(async (query, tables, records) => {
      const number = await makeStore(query, tables, records, store)
      return { number, row: number === undefined ? undefined : await makeFile(query, tables, number, file) }
    })
    // Every instance reports the same counts for a generation.
    if (number === undefined || row === undefined || row.ready) return
    const analysed = await analyse(file, chunks, row.language)
    const terms = [...new Set(analysed.flatMap(({ terms }) => terms))].sort()
    await this.#change(async (query, tables) => {
      // In the order of the key: so no two instances wait for each other.
      await query(`INSERT INTO ${tables.terms} (store, term, hash, documents) SELECT $1, w.term, w.hash, 0 FROM unnest($2::text[], $3::int[]) AS w (term, hash) ON CONFLICT DO NOTHING`,
        [number, terms, terms.map(term => signed(storeHash(number, term)))])
      const [current] = await query(`SELECT ready FROM ${tables.files} WHERE number = $1 FOR UPDATE`, [row.number])
      if (current?.[0] !== false) return
      const columns = analysed.map(({ terms }) => columnsOf(number, terms))
      await query(`INSERT INTO ${tables.chunks} (store, file, number, language, length, terms, counts)
        SELECT $1, $2, w.number, w.language, w.length, w.terms::int[], w.counts::bytea FROM unnest($3::int[], $4::text[], $5::int[], $6::text[], $7::text[]) AS w (number, language, length, terms, counts)
        ON CONFLICT (file, number) DO UPDATE SET language = excluded.language, length = excluded.length, terms = excluded.terms, counts = excluded.counts`,
      [number, row.number, chunks.map(chunk => chunk.number), analysed.map(({ language }) => language), analysed.map(({ length }) => length), columns.map(({ terms }) => terms), columns.map(({ counts }) => counts)])
      await putVectors(query, tables, { store: number, file: row.number, model: file.model }, chunks)
      await query(`UPDATE ${tables.files} SET language = $2 WHERE number = $1`, [row.number, analysed.at(-1)?.language ?? null])
    }, SLOW_MS)
  }

  async addFile (store: StoreRef, file: IndexedFile, cursor: number): Promise<void> {
    const searched = await this.#change(async (query, tables, records) => {
      const number = await makeStore(query, tables, records, store)
      if (number === undefined) return undefined
      const [row] = await query(`SELECT cursor::float8 FROM ${tables.stores} WHERE number = $1 FOR UPDATE`, [number]) as [[number] | undefined]
      if (row === undefined) return undefined
      // Another instance has told this file, and perhaps what became of it later.
      if (row[0] >= cursor) {
        const stale = await findFile(query, tables, number, file.generation)
        if (stale?.ready === false) await removeFiles(query, tables, number, [stale.number])
        return undefined
      }
      const { number: fileNumber, ready } = await makeFile(query, tables, number, file)
      const others = await query(`SELECT number::float8 FROM ${tables.files} WHERE store = $1 AND file_id = $2 AND number <> $3`, [number, file.fileId, fileNumber])
      await removeFiles(query, tables, number, others.map(([other]) => other as number))
      await query(`UPDATE ${tables.files} SET attributes = $2::jsonb, ready = true WHERE number = $1`, [fileNumber, attributesText(file.attributes)])
      if (!ready) await count(query, tables, number, [fileNumber], 1)
      const [[passages]] = await query(`UPDATE ${tables.stores} SET cursor = $2 WHERE number = $1 RETURNING passages::float8`, [number, cursor]) as [[number]]
      return { number, passages }
    }, SLOW_MS)
    if (searched !== undefined && searched.passages > this.#compared) await this.#makeGraphs(searched.number)
  }

  async removeGeneration (store: StoreRef, generation: string): Promise<void> {
    await this.#remove(store, 'generation = $2', generation)
  }

  async removeFile (store: StoreRef, fileId: string): Promise<void> {
    await this.#remove(store, 'file_id = $2', fileId)
  }

  async search (stores: readonly StoreRef[], query: IndexQuery): Promise<IndexHit[]> {
    return await this.#searching(async search => await search.search(stores, query))
  }

  async openings (stores: readonly StoreRef[], query: IndexOpeningsQuery): Promise<IndexHit[]> {
    return await this.#searching(async search => await search.openings(stores, query))
  }

  /** What is left when it fails halfway is removed by the next call. */
  async drop (store: StoreRef): Promise<void> {
    const number = await this.#change(async (query, tables, records) => {
      const [row] = await query(`UPDATE ${tables.stores} SET dropped = true WHERE ${OF_STORE} RETURNING number`, [records, store.project, store.storeId])
      return row?.[0] as number | undefined
    })
    if (number === undefined) return
    for (const table of ['chunks', 'vectors', 'files', 'terms'] as const) {
      while (await this.#change(async (query, tables) =>
        (await query(`DELETE FROM ${tables[table]} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${tables[table]} WHERE ${PLACE[table](tables)} LIMIT ${DROPPED_AT_ONCE})) RETURNING 1`, [number])).length === DROPPED_AT_ONCE, SLOW_MS));
    }
    await this.#change(async (query, tables) => {
      const models = await query(`SELECT number FROM ${tables.models}`) as [number][]
      for (const [model] of models) await query(`DROP INDEX IF EXISTS ${tables.schema}.${tables.graph(number, model)}`)
      await query(`DELETE FROM ${tables.stores} WHERE number = $1`, [number])
    }, SLOW_MS)
  }

  async stores (): Promise<StoreRef[]> {
    return await this.#change(async (query, tables, records) => {
      const rows = await query(`SELECT project, id FROM ${tables.stores} WHERE records = $1 ORDER BY number`, [records]) as [string, string][]
      return rows.map(([project, storeId]) => ({ project, storeId }))
    })
  }

  /** Resolves when no graph is being made. */
  async settled (): Promise<void> {
    await Promise.all(this.#graphs.values())
  }

  async close (): Promise<void> {
    await this.#connection.close()
  }

  async #remove (store: StoreRef, which: string, value: string): Promise<void> {
    await this.#change(async (query, tables, records) => {
      const number = await findStore(query, tables, records, store)
      if (number === undefined) return
      await query(`SELECT FROM ${tables.stores} WHERE number = $1 FOR UPDATE`, [number])
      const rows = await query(`SELECT number::float8 FROM ${tables.files} WHERE store = $1 AND ${which}`, [number, value])
      await removeFiles(query, tables, number, rows.map(([file]) => file as number))
    }, SLOW_MS)
  }

  async #change<T> (work: (query: Query, tables: IndexTables, records: string) => Promise<T>, statementMs?: number): Promise<T> {
    const records = await this.#name()
    return await this.#connection.transaction(async (query, tables) => await work(query, tables, records), statementMs === undefined ? {} : { statementMs })
  }

  async #searching<T> (work: (search: PostgresSearch) => Promise<T>): Promise<T> {
    const records = await this.#name()
    return await this.#connection.transaction(async (query, tables) => await work(new PostgresSearch(query, tables, { records, compared: this.#compared })), { settings: SEARCH_SETTINGS })
  }

  async #name (): Promise<string> {
    this.#records ??= this.#identity().catch((error: unknown) => {
      this.#records = undefined
      throw error
    })
    return await this.#records
  }

  /** Makes the graphs of a store that has outgrown comparison, in the background: until they are there, searches compare. */
  async #makeGraphs (store: number): Promise<void> {
    const models = await this.#change(async (query, tables) => await query(`SELECT m.number, m.dimensions FROM ${tables.models} AS m
      WHERE m.dimensions <= ${MAX_GRAPH_DIMENSIONS} AND EXISTS (SELECT FROM ${tables.vectors} AS v WHERE v.store = $1 AND v.model = m.number)`, [store]) as [number, number][])
    for (const [model, dimensions] of models) {
      const key = `${store} ${model}`
      if (this.#graphs.has(key)) continue
      this.#graphs.set(key, this.#connection.makeGraph(store, { model, dimensions }).catch((error: unknown) => {
        this.#graphs.delete(key)
        this.#log.warn({ err: error }, 'a graph of vectors could not be made; searches of the store compare all of them, and the next file that is indexed tries it again')
      }))
    }
  }
}

const OF_STORE = 'records = $1 AND project = $2 AND id = $3'
/** The rows of a store, of each table by an index. */
const PLACE = {
  chunks: ({ files }: IndexTables) => `file IN (SELECT number FROM ${files} WHERE store = $1)`,
  vectors: () => 'store = $1',
  files: () => 'store = $1',
  terms: () => 'store = $1'
}

async function findStore (query: Query, { stores }: IndexTables, records: string, { project, storeId }: StoreRef): Promise<number | undefined> {
  const [row] = await query(`SELECT number FROM ${stores} WHERE ${OF_STORE} AND NOT dropped`, [records, project, storeId])
  return row?.[0] as number | undefined
}

/** Undefined while it is being dropped. */
async function makeStore (query: Query, tables: IndexTables, records: string, store: StoreRef): Promise<number | undefined> {
  const found = await findStore(query, tables, records, store)
  if (found !== undefined) return found
  await query(`INSERT INTO ${tables.stores} (records, project, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, [records, store.project, store.storeId])
  return await findStore(query, tables, records, store)
}

async function findFile (query: Query, { files }: IndexTables, store: number, generation: string): Promise<FileRow | undefined> {
  const [row] = await query(`SELECT number::float8, ready, language FROM ${files} WHERE store = $1 AND generation = $2`, [store, generation]) as [[number, boolean, Language | null] | undefined]
  return row === undefined ? undefined : { number: row[0], ready: row[1], language: row[2] }
}

async function makeFile (query: Query, tables: IndexTables, store: number, { fileId, generation, attributes, model }: IndexedFile): Promise<FileRow> {
  const found = await findFile(query, tables, store, generation)
  if (found !== undefined) return found
  await query(`INSERT INTO ${tables.files} (store, file_id, generation, attributes, model) VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT DO NOTHING`, [store, fileId, generation, attributesText(attributes), model])
  return (await findFile(query, tables, store, generation))!
}

async function analyse ({ name }: IndexedFile, chunks: readonly IndexedChunk[], before: Language | null) {
  const analysed = []
  let language = before ?? undefined
  for (const [i, { text }] of chunks.entries()) {
    if (i % TURN_EVERY === TURN_EVERY - 1) await turnOfTheLoop()
    const passage = analysePassage(text, language, name)
    language = passage.language
    analysed.push(passage)
  }
  return analysed
}

async function putVectors (query: Query, tables: IndexTables, { store, file, model }: { store: number, file: number, model: string | null }, chunks: readonly IndexedChunk[]): Promise<void> {
  if (model === null) return
  const rows = chunks.flatMap(({ number, vector }) => {
    const text = vector === undefined ? undefined : vectorText(vector)
    return text === undefined ? [] : [{ number, text, dimensions: vector!.length }]
  })
  for (const dimensions of new Set(rows.map(row => row.dimensions))) {
    const place = [model, dimensions]
    const vectors = rows.filter(row => row.dimensions === dimensions)
    await query(`INSERT INTO ${tables.models} (name, dimensions) VALUES ($1, $2) ON CONFLICT DO NOTHING`, place)
    await query(`INSERT INTO ${tables.vectors} (store, model, file, number, vector)
      SELECT $3, m.number, $4, w.number, w.vector::${tables.extension}.halfvec FROM ${tables.models} AS m, unnest($5::int[], $6::text[]) AS w (number, vector) WHERE m.name = $1 AND m.dimensions = $2
      ON CONFLICT (file, number) DO UPDATE SET model = excluded.model, vector = excluded.vector`,
    [...place, store, file, vectors.map(({ number }) => number), vectors.map(({ text }) => text)])
  }
}

/** Under the lock of the store's row. */
async function removeFiles (query: Query, tables: IndexTables, store: number, numbers: readonly number[]): Promise<void> {
  if (numbers.length === 0) return
  const rows = await query(`SELECT number::float8 FROM ${tables.files} WHERE number = ANY($1::bigint[]) AND ready`, [numbers])
  await count(query, tables, store, rows.map(([number]) => number as number), -1)
  for (const [table, column] of [[tables.files, 'number'], [tables.chunks, 'file'], [tables.vectors, 'file']]) await query(`DELETE FROM ${table} WHERE ${column} = ANY($1::bigint[])`, [numbers])
}

/** Adds what files have to what the store has in all, or takes it away. Under the lock of the store's row. */
async function count (query: Query, tables: IndexTables, store: number, files: readonly number[], sign: 1 | -1): Promise<void> {
  if (files.length === 0) return
  await query(`UPDATE ${tables.terms} AS t SET documents = t.documents + $3 * w.documents
    FROM (SELECT w.hash, count(*)::int AS documents FROM ${tables.chunks} AS c, unnest(c.terms) AS w (hash) WHERE c.file = ANY($2::bigint[]) GROUP BY w.hash) AS w
    WHERE t.store = $1 AND t.hash = w.hash`, [store, files, sign])
  if (sign === 1) await query(`UPDATE ${tables.files} AS f SET passages = (SELECT count(*) FROM ${tables.chunks} AS c WHERE c.file = f.number) WHERE f.number = ANY($1::bigint[])`, [files])
  const rows = await query(`SELECT language, count(*)::int, sum(length)::float8 FROM ${tables.chunks} WHERE file = ANY($1::bigint[]) GROUP BY language`, [files]) as [Language, number, number][]
  const [[languages]] = await query(`SELECT languages FROM ${tables.stores} WHERE number = $1`, [store]) as [[Partial<Record<Language, number>>]]
  for (const [language, passages] of rows) languages[language] = (languages[language] ?? 0) + sign * passages
  await query(`UPDATE ${tables.stores} SET passages = passages + $2, terms = terms + $3, languages = $4::jsonb WHERE number = $1`,
    [store, sign * rows.reduce((sum, [, passages]) => sum + passages, 0), sign * rows.reduce((sum, [,, length]) => sum + length, 0), JSON.stringify(languages)])
}
