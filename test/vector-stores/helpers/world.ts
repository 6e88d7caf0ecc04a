import { EventEmitter, once } from 'node:events'
import type { Test } from 'tap'
import { Core } from '../../../lib/core.js'
import type { ProjectApi } from '../../../lib/project-api.js'
import type { NewFile } from '../../../lib/files/files.js'
import { resolveOptions, type OpenAICompatOptions } from '../../../lib/options/options.js'
import type { VectorStoreFile } from '../../../schemas/vector-stores.js'
import type { RecordStore } from '../../../storage/record-store.js'
import { startUpstream, type Upstream } from '../../helpers/upstream.js'

export interface World extends ProjectApi {
  core: Core
  upstream: Upstream
}

/** For a clock that is moved by days: it stops at each renewal of a lease on its way. */
export const LONG_LEASES = { limits: { leaseMs: 86_400_000 }, retrieval: { leaseMs: 86_400_000 } }

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

/** Told of writes, by store. */
const writes = new WeakMap<RecordStore, EventEmitter>()

/** Tells of each write that the store has carried out, whoever made it: to ask in a loop would take the time of the threads that are waited for. */
function watched (records: RecordStore): EventEmitter {
  const known = writes.get(records)
  if (known !== undefined) return known
  const told = new EventEmitter().setMaxListeners(0)
  const write = records.write.bind(records)
  records.write = async (key, items) => {
    const written = await write(key, items)
    told.emit('write')
    return written
  }
  writes.set(records, told)
  return told
}

/** The file once it is no longer in progress: looked at again after each write. */
export async function indexed (world: Pick<World, 'core' | 'vectorStores'>, storeId: string, fileId: string): Promise<VectorStoreFile> {
  const told = watched(world.core.threadManager.scope.records)
  for (;;) {
    const next = once(told, 'write')
    const file = await world.vectorStores.files.get(storeId, fileId)
    if (file.status !== 'in_progress') return file
    await next
  }
}

/** The ids of what a search finds, best first. */
export async function search (world: ProjectApi, storeId: string, query: string, more: object = {}): Promise<string[]> {
  const { data } = await world.vectorStores.search(storeId, { query, ...more }, new AbortController().signal)
  return data.map(result => result.file_id)
}
