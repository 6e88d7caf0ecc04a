import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { recordStoreSuite, withAssertions, type SuiteTest } from 'fastify-openai-compat/conformance'
import { JsonFolderStore } from './json-folder-store.ts'

recordStoreSuite({
  test: withAssertions((name, body) => test(name, body)),
  // A fresh place for each test, and what opens a store on it, as often as the test wants.
  factory: async (t: SuiteTest) => {
    const folder = await mkdtemp(join(tmpdir(), 'json-folder-store-'))
    t.teardown(async () => await rm(folder, { recursive: true, force: true }))
    return () => new JsonFolderStore(folder)
  }
})
