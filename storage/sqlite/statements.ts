import type { Database, Statement } from 'libsql'
import type { Row, Scan } from '../base/abstract-record-store.js'
import type { BatchTarget, PreparedPut } from '../base/batch.js'
import type { PartitionKey } from '../record-store.js'

type Prepared =
  | 'findPartition' | 'addPartition' | 'saveHighestPosition' | 'removePartition' | 'version' | 'insert' | 'replace' | 'remove' | 'removeAll'

export interface Statements extends Record<Prepared, Statement> {
  read (project: string, partition: string, kind: string, id: string): Row | undefined
  scan (scan: Scan): Row[]
}

/**
 * Every SQL statement of the store but the schema, each prepared once. Rows travel as arrays: libsql builds those
 * faster than objects.
 */
export function prepareStatements (database: Database): Statements {
  const query = (sql: string): Statement => database.prepare(sql).raw()
  const ofPartition = 'FROM partitions AS p JOIN records AS r ON r.partition_number = p.number WHERE p.project = ? AND p.partition = ?'
  const columns = 'SELECT r.id, r.parent, r.position, r.version, r.body'

  const read = query(`${columns} ${ofPartition} AND r.kind = ? AND r.id = ?`)
  const range = `${columns} ${ofPartition} AND r.kind = ? AND r.parent = ? AND r.position > ? AND r.position < ? ORDER BY r.position`
  const ascending = query(`${range} ASC LIMIT ?`)
  const descending = query(`${range} DESC LIMIT ?`)

  return {
    findPartition: query('SELECT number, highest_position FROM partitions WHERE project = ? AND partition = ?'),
    addPartition: query('INSERT INTO partitions (project, partition, highest_position) VALUES (?, ?, 0) RETURNING number'),
    saveHighestPosition: database.prepare('UPDATE partitions SET highest_position = ? WHERE number = ?'),
    removePartition: database.prepare('DELETE FROM partitions WHERE number = ?'),
    version: query('SELECT version FROM records WHERE partition_number = ? AND kind = ? AND id = ?'),
    insert: database.prepare('INSERT INTO records (partition_number, kind, id, parent, position, version, body) VALUES (?, ?, ?, ?, ?, 1, ?)'),
    replace: database.prepare('UPDATE records SET body = ?, version = version + 1 WHERE partition_number = ? AND kind = ? AND id = ?'),
    remove: database.prepare('DELETE FROM records WHERE partition_number = ? AND kind = ? AND id = ?'),
    removeAll: database.prepare('DELETE FROM records WHERE partition_number = ?'),

    read (project, partition, kind, id) {
      const values = read.get(project, partition, kind, id)
      return values === undefined ? undefined : toRow(values)
    },

    scan ({ project, partition, kind, parent, above, below, descending: isDescending, limit }) {
      return (isDescending ? descending : ascending).all(project, partition, kind, parent, above, below, limit).map(toRow)
    }
  }
}

function toRow (values: unknown): Row {
  const [id, parent, position, version, json] = values as [string, string, number, number, string]
  return { id, parent, position, version, json }
}

/** One partition inside the transaction under way. Its row in `partitions` is made by the first insertion. */
export class SqlitePartition implements BatchTarget {
  readonly #statements: Statements
  readonly #key: PartitionKey
  /** 0: no row. */
  #number = 0
  #highest = 0

  constructor (statements: Statements, key: PartitionKey) {
    this.#statements = statements
    this.#key = key
    const found = statements.findPartition.get(key.project, key.partition) as [number, number] | undefined
    if (found !== undefined) [this.#number, this.#highest] = found
  }

  version (kind: string, id: string): number {
    if (this.#number === 0) return 0
    const found = this.#statements.version.get(this.#number, kind, id) as [number] | undefined
    return found === undefined ? 0 : found[0]
  }

  highestPosition (): number {
    return this.#highest
  }

  saveHighestPosition (position: number): void {
    this.#statements.saveHighestPosition.run(position, this.#number)
  }

  insert ({ kind, id, parent, json }: PreparedPut, position: number): void {
    if (this.#number === 0) {
      [this.#number] = this.#statements.addPartition.get(this.#key.project, this.#key.partition) as [number]
    }
    this.#statements.insert.run(this.#number, kind, id, parent, position, json)
  }

  replace ({ kind, id, json }: PreparedPut): void {
    this.#statements.replace.run(json, this.#number, kind, id)
  }

  remove (kind: string, id: string): void {
    if (this.#number !== 0) this.#statements.remove.run(this.#number, kind, id)
  }

  clear (): void {
    if (this.#number === 0) return
    this.#statements.removeAll.run(this.#number)
    this.#statements.removePartition.run(this.#number)
    this.#number = this.#highest = 0
  }
}
