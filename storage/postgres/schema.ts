import type { Pool, PoolClient, QueryConfig } from 'pg'
import { newerVersion } from '../base/newer-version.js'
import { StorageUnavailableError } from '../record-store.js'
import { withConnection } from './connections.js'

/** Validated names, quoted for SQL. */
export interface TableNames {
  plain: { schema: string, table: string }
  schema: string
  table: string
  index: string
  writeFunction: string
}

/** Throws a `TypeError` for a name that would need more care than it is worth. */
export function tableNames (schema: string, tableName: string): TableNames {
  // PostgreSQL cuts names at 63 bytes; those made from the table's need a few more than it.
  if (!/^[a-z_][a-z0-9_]{0,62}$/i.test(schema)) throw new TypeError(`schema must be a plain SQL name of up to 63 letters, digits and underscores, got ${JSON.stringify(schema)}.`)
  if (!/^[a-z_][a-z0-9_]{0,47}$/i.test(tableName)) throw new TypeError(`tableName must be a plain SQL name of up to 48 letters, digits and underscores, got ${JSON.stringify(tableName)}.`)
  return {
    plain: { schema, table: tableName },
    schema: `"${schema}"`,
    table: `"${schema}"."${tableName}"`,
    index: `"${tableName}_by_position"`,
    writeFunction: `"${schema}"."${tableName}_write"`
  }
}

/** The version is kept in a row of the table itself: a record of no project and no partition. */
const VERSION_ROW = "project = '' AND partition = '' AND kind = 'schema' AND id = 'version'"

/**
 * Each brings the schema from its index to the next version. Never edit one that was released.
 *
 * Bodies are `json`, which keeps its text: `jsonb` would refuse \u0000.
 *
 * "C" and "POSIX" both compare bytes, yet an index serves only conditions of its own collation. That keeps the two
 * indexes apart: with one collation the planner, which takes both to find a single row, may look up an id by reading all
 * records of its kind.
 */
const MIGRATIONS: ((names: TableNames) => string)[] = [
  ({ table, index, writeFunction }) => `
    CREATE TABLE ${table} (
      project text COLLATE "C" NOT NULL,
      partition text COLLATE "C" NOT NULL,
      kind text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      parent text COLLATE "C" NOT NULL,
      position bigint NOT NULL,
      version bigint NOT NULL,
      body json NOT NULL,
      PRIMARY KEY (project, partition, kind, id)
    );
    CREATE INDEX ${index} ON ${table} (
      project COLLATE "POSIX", partition COLLATE "POSIX", kind COLLATE "POSIX", parent COLLATE "POSIX", position
    );
    INSERT INTO ${table} VALUES ('', '', 'schema', 'version', '', 0, 0, '{}');

    -- Carries out a batch, or nothing and returns false. The items come as columns; NULL where not given.
    --
    -- Each partition has a head row, with kind and id '' and in "version" the highest position so far (a column that
    -- no index holds, so that updating it stays cheap). A writer to a partition locks its head row first and
    -- keeps it until the end of the transaction: writers of one partition queue up there, and each statement below
    -- sees what those before it have committed. A transaction locks one head row, and after it only rows that no one
    -- touches without holding that lock: there is no cycle, hence no deadlock.
    --
    -- No sequential scans, because plans stay with the connection: one made while the table was small would go on
    -- reading all of it.
    CREATE FUNCTION ${writeFunction} (
      _project text, _partition text, _ops text[], _kinds text[], _ids text[], _parents text[], _bodies text[], _expected bigint[], _positions bigint[]
    ) RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $function$
    DECLARE
      head bigint;
      highest bigint;
      is_new boolean := false;
      found_version bigint;
      item record;
    BEGIN
      LOOP
        SELECT r.version INTO head FROM ${table} AS r
          WHERE r.project = _project AND r.partition = _partition AND r.kind = '' AND r.id = '' FOR UPDATE;
        EXIT WHEN FOUND;
        -- Waits for others who insert it too. One of them may clear the partition at once: hence the loop.
        INSERT INTO ${table} VALUES (_project, _partition, '', '', '', 0, 0, '{}') ON CONFLICT DO NOTHING;
        is_new := FOUND;
        head := 0;
        EXIT WHEN is_new;
      END LOOP;
      highest := head;

      FOR item IN
        SELECT * FROM unnest(_kinds, _ids, _expected) AS u (kind, id, expected) WHERE expected IS NOT NULL
      LOOP
        SELECT r.version INTO found_version FROM ${table} AS r
          WHERE r.project = _project AND r.partition = _partition AND r.kind = item.kind AND r.id = item.id;
        IF coalesce(found_version, 0) <> item.expected THEN
          IF is_new THEN
            DELETE FROM ${table} AS r WHERE r.project = _project AND r.partition = _partition AND r.kind = '' AND r.id = '';
          END IF;
          RETURN false;
        END IF;
      END LOOP;

      FOR item IN
        SELECT * FROM unnest(_ops, _kinds, _ids, _parents, _bodies, _positions) AS u (op, kind, id, parent, body, position)
      LOOP
        IF item.op = 'put' THEN
          UPDATE ${table} AS r SET body = item.body::json, version = r.version + 1
            WHERE r.project = _project AND r.partition = _partition AND r.kind = item.kind AND r.id = item.id;
          IF NOT FOUND THEN
            item.position := coalesce(item.position, highest + 1);
            highest := greatest(highest, item.position);
            INSERT INTO ${table} VALUES (
              _project, _partition, item.kind, item.id, item.parent, item.position, 1, item.body::json);
          END IF;
        ELSIF item.op = 'delete' THEN
          DELETE FROM ${table} AS r
            WHERE r.project = _project AND r.partition = _partition AND r.kind = item.kind AND r.id = item.id;
        ELSIF item.op = 'clear' THEN
          DELETE FROM ${table} AS r WHERE r.project = _project AND r.partition = _partition AND r.kind <> '';
          highest := 0;
        END IF;
      END LOOP;

      IF highest = 0 THEN
        DELETE FROM ${table} AS r WHERE r.project = _project AND r.partition = _partition AND r.kind = '' AND r.id = '';
      ELSIF highest <> head THEN
        UPDATE ${table} AS r SET version = highest
          WHERE r.project = _project AND r.partition = _partition AND r.kind = '' AND r.id = '';
      END IF;
      RETURN true;
    END
    $function$;`
]

/**
 * The advisory lock under which tables of a schema are made, and the schema itself: `IF NOT EXISTS` is no protection
 * against another session that creates it in the same moment.
 */
export const creationLock = (schema: string): string => `fastify-openai-compat ${schema}`

/** Longer than any verb may take: instances that start together wait for the one that is at it. Below that of Fastify's plugins. */
const MIGRATION_TIMEOUT_MS = 60_000

/** A statement of a migration. */
export const patiently = (text: string, values?: unknown[]): QueryConfig => ({ text, ...values === undefined ? {} : { values }, query_timeout: MIGRATION_TIMEOUT_MS } as QueryConfig)

/**
 * Creates or upgrades the table, under an advisory lock, so that instances that start together do it once. Where
 * nothing is to be done, nothing but reading the table is needed.
 */
export async function migrate (pool: Pool, names: TableNames): Promise<void> {
  if (await schemaVersion(pool, names) === MIGRATIONS.length) return
  await withConnection(pool, async client => {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
    await client.query(patiently('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [creationLock(names.schema)]))
    const version = await schemaVersion(client, names)
    if (version === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS ${names.schema}`)
    for (const migration of MIGRATIONS.slice(version)) await client.query(patiently(migration(names)))
    await client.query(`UPDATE ${names.table} SET version = $1 WHERE ${VERSION_ROW}`, [MIGRATIONS.length])
    await client.query('COMMIT')
  })
}

/** 0 when there is no table. Throws when it is another program's or a newer version's. */
async function schemaVersion (connection: Pool | PoolClient, { plain, table }: TableNames): Promise<number> {
  // Not to_regclass(): it may answer from a cache that is older than the lock.
  const { rowCount } = await connection.query('SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2', [plain.schema, plain.table])
  if (rowCount === 0) return 0
  const version = await readVersion(connection, table)
  if (version === undefined) {
    throw new StorageUnavailableError(`The PostgreSQL table ${table} belongs to another program: choose another schema or tableName.`)
  }
  if (version > MIGRATIONS.length) {
    throw newerVersion(`The PostgreSQL table ${table} was`, version, MIGRATIONS.length, 'another schema or tableName')
  }
  return version
}

async function readVersion (connection: Pool | PoolClient, table: string): Promise<number | undefined> {
  try {
    const { rows } = await connection.query(`SELECT version FROM ${table} WHERE ${VERSION_ROW}`)
    return rows.length === 0 ? undefined : Number(rows[0].version)
  } catch (error) {
    const UNDEFINED_COLUMN = '42703'
    if ((error as { code?: string }).code === UNDEFINED_COLUMN) return undefined
    throw error
  }
}
