import { MemoryRecordStore } from '../memory/store.js'
import type { PostgresRecordStoreOptions } from '../postgres/options.js'
import { PostgresRecordStore } from '../postgres/store.js'
import { RecordThreadStorage } from './record-thread-storage.js'
import type { RedisRecordStoreOptions } from '../redis/options.js'
import { RedisRecordStore } from '../redis/store.js'
import { SqliteRecordStore, type SqliteRecordStoreOptions } from '../sqlite/store.js'

/** Everything in this process, gone with it. */
export class InMemoryThreadStorage extends RecordThreadStorage {
  constructor () {
    super(new MemoryRecordStore())
  }
}

/** Where the database file is. */
export type SqliteThreadStorageConfig = SqliteRecordStoreOptions

/** One file, one process. */
export class SqliteThreadStorage extends RecordThreadStorage {
  constructor (config: SqliteThreadStorageConfig) {
    super(new SqliteRecordStore(config))
  }
}

/** Where Redis is, how its keys are called, and when it forgets. */
export interface RedisThreadStorageConfig extends RedisRecordStoreOptions {
  /**
   * Whole seconds after its last write at which a thread with all that belongs to it, or the set of all assistants, is
   * forgotten. Default 86,400, a day; 0 keeps everything.
   */
  ttl?: number
}

/** Redis, a Redis Cluster or what speaks like them, for any number of instances. */
export class RedisThreadStorage extends RecordThreadStorage {
  constructor (config: RedisThreadStorageConfig = {}) {
    super(new RedisRecordStore({ ...config, ttl: config.ttl ?? 86_400 }))
  }
}

/** Where PostgreSQL is, and how its table is called. */
export type PostgresThreadStorageConfig = PostgresRecordStoreOptions

/** One PostgreSQL table, for any number of instances. */
export class PostgresThreadStorage extends RecordThreadStorage {
  constructor (config: PostgresThreadStorageConfig) {
    super(new PostgresRecordStore(config))
  }
}
