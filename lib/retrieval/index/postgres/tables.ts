import { createHash } from 'node:crypto'
import { INDEX_VERSION } from '../../analysis/version.js'
import { StorageUnavailableError } from '../../../../storage/record-store.js'
import type { PostgresRecordStoreOptions } from '../../../../storage/postgres/options.js'
import { creationLock, tableNames } from '../../../../storage/postgres/schema.js'

/** A statement with its values; rows as arrays. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<unknown[][]>

/** The first version whose graphs can be searched under a filter. */
const OLDEST_PGVECTOR = [0, 8]

/** Names quoted for SQL. */
export interface IndexTables {
  plainSchema: string
  schema: string
  stores: string
  files: string
  chunks: string
  vectors: string
  terms: string
  models: string
  /** The schema that the extension is in. */
  extension: string
  /** The name of the graph over the vectors that a large store has of one model, without its schema. */
  graph (store: number, model: number): string
}

/** Throws a `TypeError` for names that are no plain ones. */
export function indexTables ({ schema: schemaName = 'public', tableName = 'openai_compat_data' }: Pick<PostgresRecordStoreOptions, 'schema' | 'tableName'>): IndexTables {
  const { schema, plain } = tableNames(schemaName, tableName)
  // With the version: instances of two versions work side by side, and the new one fills tables of its own.
  const name = (part: string): string => `${schema}."${plain.table}_index${INDEX_VERSION}_${part}"`
  const tag = createHash('sha1').update(name('')).digest('hex').slice(0, 12)
  return {
    plainSchema: plain.schema,
    schema,
    stores: name('stores'),
    files: name('files'),
    chunks: name('chunks'),
    vectors: name('vectors'),
    terms: name('terms'),
    models: name('models'),
    extension: '"public"',
    graph: (store, model) => `openai_compat_graph_${tag}_${store}_${model}`
  }
}

/** Makes what is missing, in a transaction. Returns the tables with the place of the extension. */
export async function createTables (query: Query, tables: IndexTables): Promise<IndexTables> {
  const extension = await findExtension(query)
  if (extension !== undefined && await exists(query, tables)) return { ...tables, extension }
  // Extensions belong to the whole database.
  await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', ['fastify-openai-compat extension'])
  await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [creationLock(tables.schema)])
  if (await findExtension(query) === undefined) {
    const [available] = await query('SELECT FROM pg_available_extensions WHERE name = \'vector\'')
    if (available === undefined) throw new StorageUnavailableError('PostgreSQL has no extension "vector": install pgvector 0.8 or later on its server.')
    await query('CREATE EXTENSION vector')
  }
  const found = { ...tables, extension: (await findExtension(query))! }
  if (!await exists(query, tables)) for (const statement of statements(found)) await query(statement)
  return found
}

async function findExtension (query: Query): Promise<string | undefined> {
  const [row] = await query('SELECT n.nspname, e.extversion FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = \'vector\'')
  if (row === undefined) return undefined
  const [schema, version] = row as [string, string]
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST_PGVECTOR[0]! || (major === 0 && minor < OLDEST_PGVECTOR[1]!)) {
    throw new StorageUnavailableError(`The extension "vector" of this PostgreSQL database has version ${version}: update it to 0.8 or later.`)
  }
  return `"${schema.replaceAll('"', '""')}"`
}

async function exists (query: Query, { models, plainSchema }: IndexTables): Promise<boolean> {
  const table = /"([^"]+)"$/.exec(models)![1]
  // Not to_regclass(): it may answer from a cache that is older than the lock.
  return (await query('SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2', [plainSchema, table])).length > 0
}

/**
 * What is looked up by a term stands by a hash of the store's number and the term: a search reads nothing of other stores, and four bytes are a
 * fraction of a word. Terms are those of the analysis: PostgreSQL's own dictionaries know other languages and other stems, and its ranking
 * does not know how rare a word is.
 */
function statements ({ schema, stores, files, chunks, vectors, terms, models, extension }: IndexTables): string[] {
  return [
    `CREATE SCHEMA IF NOT EXISTS ${schema}`,
    `CREATE TABLE ${stores} (
      number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      -- Names the records that the index was made from.
      records text COLLATE "C" NOT NULL,
      project text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      cursor bigint NOT NULL DEFAULT 0,
      -- Of the files that are searched.
      passages bigint NOT NULL DEFAULT 0,
      terms bigint NOT NULL DEFAULT 0,
      languages jsonb NOT NULL DEFAULT '{}',
      -- While its rows are being removed.
      dropped boolean NOT NULL DEFAULT false,
      UNIQUE (records, project, id)
    )`,
    `CREATE TABLE ${files} (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      store integer NOT NULL,
      file_id text COLLATE "C" NOT NULL,
      generation text COLLATE "C" NOT NULL,
      attributes jsonb NOT NULL,
      model text,
      ready boolean NOT NULL DEFAULT false,
      passages integer NOT NULL DEFAULT 0,
      -- Of the passage told last.
      language text,
      UNIQUE (store, generation)
    )`,
    `CREATE INDEX ON ${files} (store, number) WHERE ready`,
    `CREATE INDEX ON ${files} (store, file_id)`,
    `CREATE TABLE ${chunks} (
      store integer NOT NULL,
      file bigint NOT NULL,
      number integer NOT NULL,
      language text NOT NULL,
      length integer NOT NULL,
      -- Hashes of the terms, and in the same order how often each occurs.
      terms integer[] NOT NULL,
      counts bytea NOT NULL,
      PRIMARY KEY (file, number)
    )`,
    // Beside the row rather than far from it: a search reads both of every passage it looks at.
    `ALTER TABLE ${chunks} ALTER COLUMN terms SET STORAGE MAIN, ALTER COLUMN counts SET STORAGE MAIN`,
    `CREATE INDEX ON ${chunks} USING gin (terms)`,
    `CREATE TABLE ${vectors} (
      store integer NOT NULL,
      model integer NOT NULL,
      file bigint NOT NULL,
      number integer NOT NULL,
      vector ${extension}.halfvec NOT NULL,
      PRIMARY KEY (file, number)
    )`,
    `ALTER TABLE ${vectors} ALTER COLUMN vector SET STORAGE MAIN`,
    `CREATE INDEX ON ${vectors} (store, model)`,
    `CREATE TABLE ${terms} (
      store integer NOT NULL,
      hash integer NOT NULL,
      -- Passages that have the term.
      documents integer NOT NULL,
      term text COLLATE "C" NOT NULL,
      PRIMARY KEY (store, term)
    ) WITH (fillfactor = 80)`,
    `CREATE INDEX ON ${terms} (store, hash)`,
    `CREATE TABLE ${models} (
      number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name text COLLATE "C" NOT NULL,
      dimensions integer NOT NULL,
      UNIQUE (name, dimensions)
    )`
  ]
}
