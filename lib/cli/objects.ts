import { Core } from '../core.js'
import { resolveOptions } from '../options/options.js'
import type { ProjectApi } from '../project-api.js'
import { ApiError } from '../shared/errors.js'
import { silentLogger } from '../shared/log.js'
import { readConfigFile } from './config-file.js'
import { configure } from './configure.js'
import { OperatorError } from './errors.js'
import type { ObjectKind, ObjectsCommand } from './objects-arguments.js'
import { requireFile } from './require-file.js'
import { askServerForObject, orAskTheServer, type ServerAddress } from './server-address.js'

type Shown = Record<string, unknown> & { id: string }
interface Page { data: Shown[], has_more: boolean }
interface PageParams { limit: number, after?: string, order?: 'asc' | 'desc' }

/** Where objects are. Each method throws what the operator is to read. */
interface Place {
  list (kind: ObjectKind, thread: string, params: PageParams): Promise<Page>
  get (kind: ObjectKind, thread: string, id: string): Promise<Shown>
  /** Messages of a thread, steps of a run. */
  parts (kind: 'threads' | 'runs', thread: string, id: string, params: PageParams): Promise<Page>
  remove (kind: ObjectKind, id: string): Promise<void>
}

const PAGE = 100
const SERVER_MS = 30_000

/** `threads ls` and the like. */
export async function runObjects (command: ObjectsCommand, out: NodeJS.WritableStream): Promise<void> {
  const { place } = command
  if ('url' in place) return await look(command, new ServerPlace(place), out)
  const { config: { storage, blobs } } = configure(place.values, await readConfigFile(place.values.config, process.cwd()))
  requireFile(storage)
  const options = resolveOptions({ codeInterpreter: 'off', ...storage === undefined ? {} : { storage }, ...blobs === undefined ? {} : { blobs } })
  if (!options.storage.records.supports.persistent) throw new OperatorError('There is nothing to look at with memory: as the storage: name a server with --url.')
  const core = new Core(options, silentLogger)
  try {
    await core.openStores()
    if (place.project !== 'default' && !await core.hasProject(place.project)) throw new OperatorError(`There is no project "${place.project}" in the store.`)
    await look(command, new StorePlace(core.project(place.project)), out)
  } catch (error) {
    throw error instanceof ApiError ? new OperatorError(error.message, { cause: error }) : orAskTheServer(error)
  } finally {
    await core.stop()
  }
}

async function look (command: ObjectsCommand, place: Place, out: NodeJS.WritableStream): Promise<void> {
  const { kind, action, id, thread, limit, isJson } = command
  if (action === 'rm') {
    await place.remove(kind, id)
    out.write(`Deleted ${id}.\n`)
  } else if (action === 'show') {
    const object = await place.get(kind, thread, id)
    const parts = kind === 'threads' || kind === 'runs' ? { [kind === 'threads' ? 'messages' : 'steps']: await all(async params => await place.parts(kind, thread, id, { ...params, order: 'asc' }), Infinity) } : {}
    out.write(`${JSON.stringify({ ...object, ...parts }, null, 2)}\n`)
  } else {
    const objects = await all(async params => await place.list(kind, thread, params), limit)
    out.write(isJson ? objects.map(object => `${JSON.stringify(object)}\n`).join('') : table(kind, objects))
  }
}

async function all (list: (params: PageParams) => Promise<Page>, limit: number): Promise<Shown[]> {
  const found: Shown[] = []
  for (let hasMore = true; hasMore && found.length < limit;) {
    const last = found.at(-1)
    const page = await list({ limit: Math.min(PAGE, limit - found.length), ...last === undefined ? {} : { after: last.id } })
    found.push(...page.data)
    hasMore = page.has_more && page.data.length > 0
  }
  return found
}

class StorePlace implements Place {
  readonly #api: ProjectApi

  constructor (api: ProjectApi) {
    this.#api = api
  }

  async list (kind: ObjectKind, thread: string, params: PageParams): Promise<Page> {
    return await (kind === 'runs' ? this.#api.runs.list(thread, params) : this.#api[kind].list(params)) as unknown as Page
  }

  async get (kind: ObjectKind, thread: string, id: string): Promise<Shown> {
    return await (kind === 'runs' ? this.#api.runs.get(thread, id) : this.#api[kind].get(id)) as unknown as Shown
  }

  async parts (kind: 'threads' | 'runs', thread: string, id: string, params: PageParams): Promise<Page> {
    return await (kind === 'threads' ? this.#api.messages.list(id, params) : this.#api.runs.listSteps(thread, id, params)) as unknown as Page
  }

  async remove (kind: ObjectKind, id: string): Promise<void> {
    if (kind === 'threads') await this.#api.runs.deleteThread(id)
    else if (kind === 'assistants') await this.#api.assistants.delete(id)
    else await this.#api.files.delete(id)
  }
}

/** A server that runs, by its API. */
class ServerPlace implements Place {
  readonly #server: ServerAddress

  constructor (server: ServerAddress) {
    this.#server = server
  }

  async list (kind: ObjectKind, thread: string, params: PageParams): Promise<Page> {
    return await this.#request('GET', `${pathOf(kind, thread)}?${query(params)}`) as Page
  }

  async get (kind: ObjectKind, thread: string, id: string): Promise<Shown> {
    return await this.#request('GET', pathOf(kind, thread, id)) as Shown
  }

  async parts (kind: 'threads' | 'runs', thread: string, id: string, params: PageParams): Promise<Page> {
    return await this.#request('GET', `${pathOf(kind, thread, id)}/${kind === 'threads' ? 'messages' : 'steps'}?${query(params)}`) as Page
  }

  async remove (kind: ObjectKind, id: string): Promise<void> {
    await this.#request('DELETE', pathOf(kind, '', id))
  }

  async #request (method: string, path: string): Promise<unknown> {
    return await askServerForObject(this.#server, path, { method, signal: AbortSignal.timeout(SERVER_MS) })
  }
}

const query = (params: PageParams): string => new URLSearchParams(Object.entries(params).map(([name, value]): [string, string] => [name, String(value)])).toString()

function pathOf (kind: ObjectKind, thread: string, id?: string): string {
  const end = id === undefined ? '' : `/${encodeURIComponent(id)}`
  return kind === 'runs' ? `/threads/${encodeURIComponent(thread)}/runs${end}` : `/${kind}${end}`
}

/** What a list shows of an object, behind its id and its time. */
const COLUMNS: Record<ObjectKind, readonly string[]> = {
  assistants: ['model', 'name'], threads: ['metadata'], runs: ['status', 'model', 'assistant_id'], files: ['bytes', 'purpose', 'filename']
}
const WIDTH = 60

function table (kind: ObjectKind, objects: readonly Shown[]): string {
  const rows = objects.map(object => [object.id, new Date(Number(object.created_at) * 1000).toISOString().slice(0, 19).replace('T', ' '), ...COLUMNS[kind].map(name => cell(object[name]))])
  const all = [['id', 'created (UTC)', ...COLUMNS[kind]], ...rows]
  const widths = all[0]!.map((_, i) => Math.max(...all.map(row => row[i]!.length)))
  return all.map(row => `${row.map((text, i) => text.padEnd(widths[i]!)).join('  ').trimEnd()}\n`).join('')
}

/** In one line, without what would move a terminal's cursor: names come from clients. */
function cell (value: unknown): string {
  const text = value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line
}
