import type { Test } from 'tap'
import { startPglite } from './pglite.js'
import { databaseUrl, postgresSchema, queryPostgres, skipPostgres } from './stores.js'

/** A place for a search index in PostgreSQL. */
export interface VectorDatabase {
  connectionString: string
  schema: string
  poolSize: number
}

/** Why there can be no index on the PostgreSQL server, or false. */
async function reason (): Promise<string | false> {
  const missing = await skipPostgres()
  if (missing !== false) return missing
  const { rowCount } = await queryPostgres('SELECT FROM pg_available_extensions WHERE name = \'vector\'')
  return rowCount === 0 && `PostgreSQL at ${databaseUrl} has no extension "vector"; install it with: apt-get install postgresql-<version>-pgvector`
}

const missing = await reason()

/** The server where it has pgvector, and PGlite everywhere else. */
export const vectorDatabases: { name: string, skip: string | false, place: (t: Test) => Promise<VectorDatabase> }[] = [
  { name: 'PGlite', skip: missing === false && 'the PostgreSQL server has the extension', place: async t => ({ connectionString: await startPglite(t), schema: 'search', poolSize: 1 }) },
  { name: 'PostgreSQL', skip: missing, place: async t => ({ connectionString: databaseUrl, schema: postgresSchema(t), poolSize: 4 }) }
]
