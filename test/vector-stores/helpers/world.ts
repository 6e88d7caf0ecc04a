import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import { Core, type ProjectApi } from '../../../lib/core.js'
import type { NewFile } from '../../../lib/files/files.js'
import { resolveOptions, type OpenAICompatOptions } from '../../../lib/options.js'
import type { VectorStoreFile } from '../../../schemas/vector-stores.js'
import { startUpstream, type Upstream } from '../../helpers/upstream.js'

export interface World extends ProjectApi {
  core: Core
  upstream: Upstream
}

/** The service without a server. Stopped when the test ends. */
export async function startWorld (t: Test, options: OpenAICompatOptions & { upstream?: Upstream } = {}): Promise<World> {
  const { upstream: given, ...rest } = options
  const upstream = given ?? await startUpstream(t)
  const log = { debug () {}, info () {}, warn () {}, error () {} }
  const core = new Core(resolveOptions({ provider: { baseURL: upstream.url, maxRetries: 0 }, ...rest }), log)
  t.teardown(async () => await core.stop())
  await core.start()
  return { core, upstream, ...core.project('default') }
}

/** A file, by its id. */
export async function upload (world: ProjectApi, filename: string, content: string | Uint8Array, more: Pick<NewFile, 'expires_after'> = {}): Promise<string> {
  async function * bytes (): AsyncGenerator<Uint8Array> {
    yield typeof content === 'string' ? Buffer.from(content) : content
  }
  return (await world.files.create({ filename, purpose: 'assistants', ...more }, bytes())).id
}

/** The file once it is no longer in progress. Asks until it is so. */
export async function indexed (world: ProjectApi, storeId: string, fileId: string): Promise<VectorStoreFile> {
  for (;;) {
    const file = await world.vectorStores.files.get(storeId, fileId)
    if (file.status !== 'in_progress') return file
    await setImmediate()
  }
}

/** The ids of what a search finds, best first. */
export async function search (world: ProjectApi, storeId: string, query: string, more: object = {}): Promise<string[]> {
  const { data } = await world.vectorStores.search(storeId, { query, ...more }, new AbortController().signal)
  return data.map(result => result.file_id)
}
