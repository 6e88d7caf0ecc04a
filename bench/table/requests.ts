import { readFileSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { start } from './child.js'
import { call, each, get, many, now, quantile } from './load.js'
import { less, more, steadyLess, type Scenario, type Side } from './scenario.js'

const text = 'x'.repeat(400)

const assistants: Scenario = {
  id: 'GET assistant',
  floor: 'routes',
  hasLimit: true,
  rounds: { quick: 5, full: 9 },
  rows: [more('GET assistant, 50 connections, same body', '/s', { ratio: 0.55 }), steadyLess('CPU per such GET', 'µs', { ratio: 1.8 })],
  async prepare ({ kind, server }) {
    const body = { id: 'asst_0123456789abcdefghijklmn', object: 'assistant', created_at: 1_700_000_000, name: null, description: null, model: 'bench', instructions: null, tools: [], top_p: 1, temperature: 1, reasoning_effort: null, tool_resources: {}, metadata: {}, response_format: 'auto' }
    if (kind === 'floor') await call('POST', `${server.url}/keep`, body)
    const urls = {
      floor: async () => `${server.url}/kept`,
      // One of its records, of about the same size.
      limit: async () => `${server.url}/jobs/${(await call('POST', `${server.url}/messages`, { content: 'Hello' })).id}`,
      ours: async () => `${server.url}/v1/assistants/${(await call('POST', `${server.url}/v1/assistants`, { model: 'bench' })).id}`
    }
    const url = await urls[kind]()
    await many(3000, 50, () => get(url))
    return url
  },
  measure: async (side, url) => await gets(side, url, side.quick ? 4000 : 20_000)
}

async function gets ({ server }: Side, url: string, count: number): Promise<number[]> {
  const before = await server.usage()
  const ms = await many(count, 50, () => get(url))
  return [count / ms * 1000, ((await server.usage()).cpuMs - before.cpuMs) / count * 1000]
}

/** What the log of requests and the metrics cost. */
const observed: Scenario = {
  ...assistants,
  id: 'observability of GET',
  floor: 'silent',
  hasLimit: false,
  // Small turns, and many: what is measured is smaller than what changes from one second to the next.
  starts: { quick: 2, full: 8 },
  rounds: { quick: 5, full: 16 },
  measure: async (side, url) => await gets(side, url, 2000),
  rows: [more('GET assistant with log and metrics, against none', '/s', { ratio: 0.97 }), steadyLess('CPU per such GET, the same', 'µs', { ratio: 1.03 })]
}

const messages: Scenario = {
  id: 'POST message',
  floor: 'routes',
  hasLimit: true,
  rounds: { quick: 5, full: 9 },
  rows: [more('POST message, new threads', '/s', { ratio: 0.7 })],
  async measure ({ kind, server, quick }) {
    const count = quick ? 1000 : 4000
    const urls = { floor: [`${server.url}/echo`], limit: [`${server.url}/messages`], ours: [] as string[] }[kind]
    if (kind === 'ours') await many(count, 50, async n => { urls[n] = `${server.url}/v1/threads/${(await call('POST', `${server.url}/v1/threads`, {})).id}/messages` })
    return [count / await many(count, 50, n => call('POST', urls[n % urls.length]!, { role: 'user', content: text })) * 1000]
  }
}

const page: Scenario = {
  id: 'page of 100',
  floor: 'routes',
  hasLimit: true,
  rounds: { quick: 5, full: 9 },
  rows: [steadyLess('page of 100 messages, p50', 'ms', { ratio: 2 })],
  async prepare ({ kind, server }) {
    const message = (n: number): object => ({ id: `msg_${n}`, object: 'thread.message', created_at: 1_700_000_000, thread_id: 'thread_0123456789abcdefghijklmn', status: 'completed', role: 'user', content: [{ type: 'text', text: { value: text, annotations: [] } }], assistant_id: null, run_id: null, attachments: [], metadata: {} })
    if (kind === 'floor') {
      await call('POST', `${server.url}/keep`, { object: 'list', data: Array.from({ length: 100 }, (_, n) => message(n)), has_more: false })
      return `${server.url}/kept`
    }
    const url = kind === 'limit' ? `${server.url}/messages` : `${server.url}/v1/threads/${(await call('POST', `${server.url}/v1/threads`, {})).id}/messages`
    await many(100, 1, () => call('POST', url, { role: 'user', content: text }))
    return `${url}?limit=100`
  },
  measure: async ({ quick }, url) => [quantile(await each(quick ? 150 : 500, () => get(url)), 0.5)]
}

const growth: Scenario = {
  id: 'growth',
  rounds: { quick: 1, full: 3 },
  rows: [less('add a message to a thread of 10,000 against one of 10', '×', { value: 1.1 }, 'add a message to a thread of 2,000 against one of 10'), less('list a page of the same', '×', { value: 1.1 })],
  async prepare ({ server, quick }) {
    return await Promise.all([10, quick ? 2000 : 10_000].map(async size => {
      const { id } = await call('POST', `${server.url}/v1/threads`, {})
      const url = `${server.url}/v1/threads/${id}/messages`
      await many(size, 32, () => call('POST', url, { role: 'user', content: text }))
      return url
    }))
  },
  async measure ({ quick }, urls: string[]) {
    const [add, list] = [[[], []], [[], []]] as [number[][], number[][]]
    for (let n = 0; n < (quick ? 100 : 200); n++) {
      for (const [index, url] of urls.entries()) {
        add[index]!.push(...await each(1, () => call('POST', url, { role: 'user', content: text })))
        list[index]!.push(...await each(1, () => get(`${url}?limit=5`)))
      }
    }
    return [add, list].map(([small, large]) => quantile(large!, 0.5) / quantile(small!, 0.5))
  }
}

/** Of the program as it is installed, which `npm run build` makes. */
const startUp: Scenario = {
  id: 'start',
  rounds: { quick: 3, full: 7 },
  rows: [less('start to first answer, compiled command line', 'ms', { value: 600 })],
  async measure ({ vendor }) {
    const before = now()
    const child = await start('../../../dist/lib/cli.js', ['--port', '0', '--storage', 'memory:', '--base-url', `${vendor}/v1`, '--log-level', 'warn'])
    await call('GET', `${child.url}/v1/assistants`)
    const ms = now() - before
    await child.stop()
    return [ms]
  }
}

interface Lock { packages: Record<string, { dependencies?: object, optionalDependencies?: object, peerDependencies?: object, peerDependenciesMeta?: Record<string, { optional?: boolean }> }> }

/** What is installed with this package: its dependencies and theirs, where npm has put them. An optional peer is not. */
function installed ({ packages }: Lock): Set<string> {
  const found = new Set<string>()
  const add = (from: string): void => {
    const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = packages[from]!
    const peers = from === '' ? [] : Object.keys(peerDependencies).filter(name => peerDependenciesMeta[name]?.optional !== true)
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      let at = from
      while (!(`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) && at !== '') at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))
      const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`
      if (!(path in packages) || found.has(path)) continue
      found.add(path)
      add(path)
    }
  }
  add('')
  return found
}

async function bytesIn (folder: string): Promise<number | undefined> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => undefined)
  let bytes = 0
  for (const entry of entries ?? []) {
    const path = join(entry.parentPath ?? entry.path, entry.name)
    if (entry.isFile() && !path.slice(folder.length).includes('/node_modules/')) bytes += statSync(path).size
  }
  return entries === undefined ? undefined : bytes
}

const size: Scenario = {
  id: 'size',
  rounds: { quick: 1, full: 1 },
  rows: [less('a production install, this package included', 'MB', { value: 70 }), less('packages of the same', '', {})],
  async measure () {
    const root = process.cwd()
    const paths = [...installed(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock)]
    // A package for another platform is in the lock file and not in the folder.
    const sizes = (await Promise.all(paths.map(async path => await bytesIn(join(root, path))))).filter(bytes => bytes !== undefined)
    const own = await bytesIn(join(root, 'dist')) ?? 0
    return [sizes.reduce((sum, bytes) => sum + bytes, own) / 2 ** 20, sizes.length + 1]
  }
}

export const requestScenarios: Scenario[] = [assistants, observed, messages, page, growth, startUp, size]
