/** A pool of `pg`, by what it is known by: the types of that package are not installed with this one. */
export interface PostgresPool {
  connect (): Promise<{ release (destroy?: boolean): void }>
  end (): Promise<void>
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
}

export interface PostgresRecordStoreOptions {
  /** `postgres://user:password@host:port/database`. Needed unless there is a `pool`. */
  connectionString?: string
  /** Schema of the table, created when it does not exist: a plain SQL name. Default `public`. */
  schema?: string
  /**
   * The one table that contains everything, created when it does not exist: a plain SQL name of up to 48 characters. Default
   * `openai_compat_data`.
   */
  tableName?: string
  /** Connections for reads and writes. Default 10. Listening to notifications takes one more. */
  poolSize?: number
  /** How long PostgreSQL may take to answer a statement before the storage counts as unavailable, in milliseconds. Default 10,000. */
  timeoutMs?: number
  /** A `pg` pool of your own, with time-outs of its own; it is not closed. */
  pool?: PostgresPool
}
