import { PassThrough, Readable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { runUsage } from '../../lib/cli/usage.js'
import type { UsageCommand } from '../../lib/cli/usage-arguments.js'
import { silentLogger } from '../../lib/shared/log.js'
import { exportLines } from '../../lib/transfer/export.js'
import { importFrom } from '../../lib/transfer/import.js'
import { UsageLedger, usageRecord, WRITE_EVERY_MS, type UsageDay } from '../../lib/usage/ledger.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { StorageUnavailableError, type RecordStore } from '../../storage/record-store.js'
import { openStorageUrl } from '../../storage/open.js'
import { ManualClock } from '../helpers/clock.js'
import { covers, startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'
import { startUpstream, text } from '../helpers/upstream.js'

const DAY_S = 24 * 60 * 60
/** Noon. */
const NOON = 1_700_000_000_000 - 1_700_000_000_000 % (DAY_S * 1000) + DAY_S * 500
const START = NOON / 1000 - DAY_S / 2
const as = (key: string) => ({ authorization: `Bearer ${key}` })
const apiKeys = [
  { key: 'sk-a1', name: 'a1', project: 'a' }, { key: 'sk-a2', name: 'a2', project: 'a' }, { key: 'sk-b', name: 'b', project: 'b', readOnly: false }, { key: 'sk-admin', name: 'boss', project: 'office', admin: true }
]

async function started (t: Test, options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startServer(t, { apiKeys, ...options })
  server.upstream.respond(() => text('Hello', { usage: { prompt_tokens: 60, completion_tokens: 40, total_tokens: 100, prompt_tokens_details: { cached_tokens: 10 } } }))
  return server
}

async function run (server: TestServer, key: string, model = 'test-model'): Promise<void> {
  const { body: assistant } = await server.post('/assistants', { model }, as(key))
  const stream = await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, as(key))
  await stream.all()
}

/** What the vendor answers, as it comes. */
async function passedThrough (server: TestServer, path: string, body: object): Promise<void> {
  const response = await fetch(server.baseURL + path, { method: 'POST', headers: { ...as('sk-a1'), 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(String(response.status))
  await response.text()
}

const usage = async (server: TestServer, key: string, query = ''): Promise<any[]> =>
  (await server.get(`/organization/usage/completions?start_time=${START}&${query}`, as(key))).body.data.flatMap(({ results }: any) => results)

test('runs and chat completions are counted by project, key and model', async t => {
  covers(t, 'getUsageOfCompletions')
  const server = await started(t, { clock: new ManualClock(NOON), aliases: { old: 'test-model' } })
  await run(server, 'sk-a1')
  await run(server, 'sk-a2', 'old')
  const chat = { model: 'chat-model', messages: [{ role: 'user', content: 'Hi' }] }
  await passedThrough(server, '/chat/completions', chat)
  await passedThrough(server, '/chat/completions', { ...chat, stream: true, stream_options: { include_usage: true } })
  await run(server, 'sk-b')
  const { body } = await server.get(`/organization/usage/completions?start_time=${START}&group_by[]=model&group_by[]=api_key_id&group_by[]=project_id`, as('sk-a1'))
  t.match(body, { object: 'page', has_more: false, next_page: null, data: [{ object: 'bucket', start_time: START, end_time: START + DAY_S }] })
  const of = (results: any[], field: string) => results.map(result => [result[field], result.num_model_requests, result.num_runs, result.input_tokens, result.input_cached_tokens, result.output_tokens]).sort()
  t.strictSame(of(body.data[0].results.filter(({ api_key_id: key }: any) => key === 'a1'), 'model'), [['chat-model', 2, 0, 120, 20, 80], ['test-model', 1, 1, 60, 10, 40]])
  t.strictSame(of(body.data[0].results.filter(({ api_key_id: key }: any) => key === 'a2'), 'model'), [['test-model', 1, 1, 60, 10, 40]], 'an alias counts as what it stands for')
  t.ok(body.data[0].results.every(({ project_id: project }: any) => project === 'a'))
  t.strictSame(of(await usage(server, 'sk-a1'), 'model'), [[null, 4, 2, 240, 40, 160]], 'in sum')
  t.strictSame(of(await usage(server, 'sk-a1', 'models[]=test-model&api_key_ids[]=a2'), 'model'), [[null, 1, 1, 60, 10, 40]])
})

test('a key sees its own project, a key of an administrator all of them', async t => {
  covers(t, 'getUsageOfCompletions', 'getCosts')
  const server = await started(t, { clock: new ManualClock(NOON), prices: { 'test-model': { input: 10, cachedInput: 1, output: 100 } } })
  await run(server, 'sk-a1')
  await run(server, 'sk-b')
  await run(server, 'sk-b', 'free')
  t.match(await usage(server, 'sk-b', 'group_by[]=project_id'), [{ project_id: 'b', num_runs: 2 }])
  t.strictSame(await usage(server, 'sk-b', 'project_ids[]=a'), [], 'not by its name either')
  t.strictSame((await usage(server, 'sk-admin', 'group_by[]=project_id')).map(({ project_id: project, num_runs: runs }) => [project, runs]).sort(), [['a', 1], ['b', 2]])
  const costs = async (key: string, query = '') => (await server.get(`/organization/costs?start_time=${START}&${query}`, as(key))).body.data[0].results
  const one = (50 * 10 + 10 * 1 + 40 * 100) / 1e6
  t.match(await costs('sk-a1'), [{ object: 'organization.costs.result', amount: { value: one, currency: 'usd' }, line_item: null, project_id: null }])
  t.match(await costs('sk-b', 'group_by[]=line_item'), [{ amount: { value: one }, line_item: 'test-model' }], 'what has no price is not in it')
  t.match(await costs('sk-admin'), [{ amount: { value: 2 * one } }])
  t.match(await costs('sk-admin', 'project_ids[]=b&group_by[]=project_id'), [{ amount: { value: one }, project_id: 'b' }])
})

test('embeddings are in the costs, and not among the completions', async t => {
  const server = await started(t, { clock: new ManualClock(NOON), prices: { '*': { input: 1_000_000 } } })
  await passedThrough(server, '/embeddings', { model: 'embed', input: 'Hello' })
  t.strictSame(await usage(server, 'sk-a1'), [])
  const { body } = await server.get(`/organization/costs?start_time=${START}&group_by[]=line_item`, as('sk-a1'))
  t.match(body.data[0].results, [{ line_item: 'embed' }])
  t.ok(body.data[0].results[0].amount.value > 0)
})

test('days are listed a page at a time', async t => {
  const clock = new ManualClock(NOON)
  const server = await started(t, { clock })
  await run(server, 'sk-a1')
  await clock.advance(2 * DAY_S * 1000)
  await run(server, 'sk-a1')
  const list = async (query: string) => (await server.get(`/organization/usage/completions?${query}`, as('sk-a1'))).body
  const first = await list(`start_time=${START + 5}&limit=2`)
  t.match(first, { has_more: true, next_page: `page_${START + 2 * DAY_S}` })
  t.strictSame(first.data.map(({ start_time: start, results }: any) => [start, results.length]), [[START, 1], [START + DAY_S, 0]])
  const second = await list(`start_time=${START + 5}&limit=2&page=${first.next_page}`)
  t.match(second, { has_more: false, next_page: null, data: [{ start_time: START + 2 * DAY_S, results: [{ num_runs: 1 }] }] })
  t.equal((await list(`start_time=${START}&end_time=${START + DAY_S}`)).data.length, 1)
})

test('what cannot be asked for is a 400', async t => {
  const server = await started(t, { clock: new ManualClock(NOON) })
  for (const query of ['', 'start_time=soon', `start_time=${START}&limit=32`, `start_time=${START}&bucket_width=1h`, `start_time=${START}&end_time=${START}`, `start_time=${START}&page=page_5`,
    `start_time=${START}&page=page_0`, `start_time=${START}&group_by[]=user_id`]) {
    for (const path of ['/organization/usage/completions', '/organization/costs']) t.match(await server.get(`${path}?${query}`, as('sk-a1')), { status: 400, body: { error: { type: 'invalid_request_error' } } }, query)
  }
  t.equal((await server.get(`/organization/costs?start_time=${START}`)).status, 401)
})

for (const { name, skip, url } of persistentStores) {
  test(`${name}: usage outlives the server, and several instances lose nothing of each other's`, { skip: await skip() }, async t => {
    const storage = url(t)
    const upstream = await startUpstream(t)
    const shared = name !== 'sqlite'
    const clock = new ManualClock(NOON)
    const servers = [await started(t, { storage, upstream, clock }), ...shared ? [await started(t, { storage, upstream, clock })] : []]
    for (const server of servers) for (const key of ['sk-a1', 'sk-a1', 'sk-b']) await run(server, key)
    await Promise.all(servers.map(async server => await server.close()))
    const again = await started(t, { storage, upstream, clock })
    const n = servers.length
    t.match(await usage(again, 'sk-admin', 'group_by[]=api_key_id'), [{ api_key_id: 'a1', num_runs: 2 * n, input_tokens: 120 * n }, { api_key_id: 'b', num_runs: n, output_tokens: 40 * n }])
  })

  test(`${name}: many ledgers that add to one day at once lose nothing`, { skip: await skip() }, async t => {
    const storage = openStorageUrl(url(t)) as unknown as { records: RecordStore }
    const { records } = storage
    await records.connect()
    t.teardown(async () => await records.disconnect())
    const clock = new ManualClock(NOON)
    const ledgers = Array.from({ length: 8 }, () => new UsageLedger({ records, clock, log: silentLogger }))
    for (const [i, ledger] of ledgers.entries()) for (let n = 0; n < 10; n++) ledger.add('p', { kind: 'completions', key: null, model: `m${(i + n) % 3}` }, { requests: 1, inputTokens: 7 })
    await Promise.all(ledgers.map(async ledger => await ledger.stop()))
    const rows = (await records.get<UsageDay>(usageRecord('p', '2023-11-14')))!.body.rows
    t.equal(rows.reduce((sum, { requests }) => sum + requests, 0), 80)
    t.equal(rows.reduce((sum, { inputTokens }) => sum + inputTokens, 0), 560)
  })
}

test('what was counted is written after five seconds, once for all of it, and kept while the store is away', async t => {
  const records = new MemoryRecordStore()
  await records.connect()
  const clock = new ManualClock(NOON)
  let writes = 0
  let isAway = false
  const store = new Proxy(records, {
    get (target, name) {
      const value = Reflect.get(target, name, target) as unknown
      if (name !== 'write') return typeof value === 'function' ? value.bind(target) : value
      return async (...args: Parameters<RecordStore['write']>) => {
        if (isAway) throw new StorageUnavailableError()
        writes++
        return await records.write(...args)
      }
    }
  })
  const ledger = new UsageLedger({ records: store, clock, log: silentLogger })
  t.equal(clock.pending, 0, 'without use nothing is waited for')
  const stored = async () => (await records.get<UsageDay>(usageRecord('p', '2023-11-14')))?.body.rows[0]?.requests
  const name = { kind: 'completions', key: 'k', model: 'm' } as const
  for (let i = 0; i < 100; i++) ledger.add('p', name, { requests: 1 })
  t.equal(await stored(), undefined)
  await clock.advance(WRITE_EVERY_MS)
  await ledger.flush()
  t.equal(await stored(), 100)
  t.equal(writes, 1)
  isAway = true
  ledger.add('p', name, { requests: 1 })
  await clock.advance(WRITE_EVERY_MS)
  await t.rejects(ledger.flush(), StorageUnavailableError)
  t.match(await ledger.day('p', '2023-11-14'), [{ requests: 101 }], 'what waits is shown')
  isAway = false
  await clock.advance(WRITE_EVERY_MS)
  await ledger.flush()
  t.equal(await stored(), 101)
})

test('names of models beyond what a day tells apart are counted together', async t => {
  const records = new MemoryRecordStore()
  await records.connect()
  const ledger = new UsageLedger({ records, clock: new ManualClock(NOON), log: silentLogger })
  for (let i = 0; i < 2000; i++) ledger.add('p', { kind: 'completions', key: null, model: `m${i}`.repeat(200) }, { requests: 1 })
  await ledger.stop()
  const { rows } = (await records.get<UsageDay>(usageRecord('p', '2023-11-14')))!.body
  t.ok(rows.length <= 501, String(rows.length))
  t.equal(rows.reduce((sum, { requests }) => sum + requests, 0), 2000)
  t.ok(rows.every(({ model }) => model.length <= 200))
})

test('a project that is erased leaves no usage', async t => {
  const server = await started(t, { clock: new ManualClock(NOON), apiKeys: [{ key: 'sk-a', project: 'a', mayErase: true }] })
  await run(server, 'sk-a')
  t.equal((await server.post('/project/erase', { project: 'a' }, as('sk-a'))).status, 200)
  t.strictSame(await usage(server, 'sk-a'), [])
})

test('a price that is none is refused by name', async t => {
  for (const prices of [[], { m: 1 }, { m: {} }, { m: { input: -1 } }, { m: { input: 1, outptu: 2 } }]) await t.rejects(startServer(t, { prices: prices as never }), { name: 'TypeError', message: /^Option "prices"/ })
  await t.rejects(startServer(t, { apiKeys: [{ key: 'sk', admin: 'yes' as never }] }), { name: 'TypeError', message: /admin true or false/ })
})

test('an export has what was used, and an import gives it to another store', async t => {
  const [from, to] = [new MemoryRecordStore(), new MemoryRecordStore()]
  for (const records of [from, to]) await records.connect()
  const ledger = new UsageLedger({ records: from, clock: new ManualClock(NOON), log: silentLogger })
  ledger.add('default', { kind: 'completions', key: null, model: 'm' }, { requests: 3 })
  await ledger.stop()
  const lines: string[] = []
  for await (const line of exportLines({ records: from, blobs: from.blobs!() }, NOON)) lines.push(JSON.stringify(line))
  await importFrom(Readable.from(lines.map(line => Buffer.from(`${line}\n`))), { records: to, blobs: to.blobs!() }, { now: () => NOON, onBadLine (_line: number, reason: string) { t.fail(reason) } })
  t.strictSame((await to.get<UsageDay>(usageRecord('default', '2023-11-14')))!.body, (await from.get<UsageDay>(usageRecord('default', '2023-11-14')))!.body)
})

test('usage prints the store as CSV, with costs, and no formula of a client', async t => {
  const folder = t.testdir({ 'prices.json': JSON.stringify({ prices: { 'test-model': { input: 10, output: 100 } } }) })
  const storage = `sqlite:${folder}/all.db`
  const server = await started(t, { storage, clock: new ManualClock(NOON) })
  await run(server, 'sk-a1')
  await run(server, 'sk-b', '=HYPERLINK("x","y")')
  await server.close()
  const csv = async (...args: string[]): Promise<string[]> => {
    const out = new PassThrough()
    await runUsage(readCommand(['usage', '--storage', storage, '--config', `${folder}/prices.json`, ...args], {}) as UsageCommand, out)
    out.end()
    return (await readAll(out)).trimEnd().split('\n')
  }
  const head = 'day,project,key,model,kind,requests,runs,input_tokens,cached_tokens,output_tokens,cost_usd'
  const a = '2023-11-14,a,a1,test-model,completions,1,1,60,10,40,0.0046'
  t.strictSame(await csv('--from', '2023-11-01', '--to', '2023-11-30'), [head, a, '2023-11-14,b,b,"\'=HYPERLINK(""x"",""y"")",completions,1,1,60,10,40,'])
  t.strictSame(await csv('--from', '2023-11-14', '--to', '2023-11-14', '--project', 'a'), [head, a])
  t.strictSame(await csv(), [head])
  for (const args of [['--from', 'soon'], ['--from', '2024-01-01', '--to', '2023-01-01'], ['--from', '1900-01-01']]) t.throws(() => readCommand(['usage', ...args], {}), { name: 'OperatorError' }, args.join(' '))
})
