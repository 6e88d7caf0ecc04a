import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { blobStoreSuite, withAssertions, type SuiteTest } from 'fastify-openai-compat/conformance'
import Database from 'libsql'
import { SqliteBlobStore } from './sqlite-blob-store.ts'

blobStoreSuite({
  test: withAssertions((name, body) => test(name, body)),
  factory: async (t: SuiteTest) => {
    const folder = await mkdtemp(join(tmpdir(), 'sqlite-blob-store-'))
    t.teardown(async () => await rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'blobs.db')
    return {
      open: () => new SqliteBlobStore(path),
      // Blobs, and what is left of unfinished puts: there should be none of the latter.
      count: async () => {
        const database = new Database(path)
        const { count } = database.prepare('SELECT count(*) AS count FROM (SELECT upload FROM blobs UNION SELECT upload FROM chunks)').get() as { count: number }
        database.close()
        return count
      }
    }
  }
})
