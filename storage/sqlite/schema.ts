import type { Database } from 'libsql'
import { newerVersion } from '../base/newer-version.js'
import { StorageUnavailableError } from '../record-store.js'

/** "oaic" in ASCII: marks the file as ours, so that we never write into another program's database. */
const APPLICATION_ID = 0x6f616963

/**
 * Each brings the schema from its index to the next version; `user_version` counts those done. Never edit one that
 * was released.
 */
const MIGRATIONS = [`
  CREATE TABLE partitions (
    number INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    partition TEXT NOT NULL,
    highest_position INTEGER NOT NULL,
    UNIQUE (project, partition)
  ) STRICT;

  CREATE TABLE records (
    partition_number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT NOT NULL,
    position INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;

  CREATE UNIQUE INDEX records_by_id ON records (partition_number, kind, id);
  CREATE INDEX records_by_position ON records (partition_number, kind, parent, position);
`]

/** Throws when a newer version or another program made the file, which is then closed and left as it is. */
export function refuseForeign (database: Database, path: string): void {
  try {
    requireOurs(database, path)
  } catch (error) {
    database.close()
    throw error
  }
}

function requireOurs (database: Database, path: string): void {
  const isOurs = readNumber(database, 'PRAGMA application_id') === APPLICATION_ID
  if (!isOurs && readNumber(database, 'SELECT count(*) FROM sqlite_schema') > 0) {
    throw new StorageUnavailableError(`The SQLite file ${path} belongs to another program: choose another file.`)
  }
  const version = schemaVersion(database)
  if (isOurs && version > MIGRATIONS.length) {
    throw newerVersion(`The SQLite file ${path} was`, version, MIGRATIONS.length, 'another file')
  }
}

/** Creates or upgrades the schema, in one transaction. */
export function migrate (database: Database): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const migration of MIGRATIONS.slice(schemaVersion(database))) database.exec(migration)
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
    database.exec('COMMIT')
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function schemaVersion (database: Database): number {
  return readNumber(database, 'PRAGMA user_version')
}

function readNumber (database: Database, sql: string): number {
  return (database.prepare(sql).raw().get() as [number])[0]
}
