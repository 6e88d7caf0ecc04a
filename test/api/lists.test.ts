import { test, type Test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { sdks } from '../helpers/sdk.js'
import { covers, newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'

interface Listed {
  path: string
  /** All ids, oldest first. */
  ids: string[]
  /** As errors call one of them. */
  what: string
}

/** Everything that can be listed, filled with at least five objects, most of them made within the same second. */
async function lists (server: TestServer): Promise<Listed[]> {
  const { upstream } = server
  const call = (n: number) => toolCalls([{ name: 'unknown_to_all', arguments: {}, id: `call_${n}` }])
  upstream.enqueue(call(1), call(2), call(3), call(4), text('done'))
  for (let n = 0; n < 4; n++) upstream.enqueue(text(`${n}`))
  const assistants = []
  for (let n = 0; n < 5; n++) assistants.push((await newAssistant(server)).id)
  const thread = await newThread(server, 'a', 'b')
  const runs = []
  for (let n = 0; n < 5; n++) {
    const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistants[0] })
    runs.push((await stopped(server, run)).id)
  }
  const ids = async (path: string): Promise<string[]> => (await server.get(`${path}?order=asc&limit=100`)).body.data.map(({ id }: any) => id)
  const messages = `/threads/${thread.id}/messages`
  const steps = `/threads/${thread.id}/runs/${runs[0]}/steps`
  return [
    { path: '/assistants', ids: assistants, what: 'assistant' },
    { path: messages, ids: await ids(messages), what: 'message' },
    { path: `/threads/${thread.id}/runs`, ids: runs, what: 'run' },
    { path: steps, ids: await ids(steps), what: 'run step' }
  ]
}

async function eachList (t: Test, body: (list: Listed, server: TestServer) => Promise<void>): Promise<void> {
  const server = await startServer(t)
  for (const list of await lists(server)) {
    t.ok(list.ids.length >= 5, `${list.what}: ${list.ids.length}`)
    await body(list, server)
  }
}

const envelope = (ids: string[], hasMore: boolean): object => ({ ids, first: ids[0] ?? null, last: ids.at(-1) ?? null, hasMore })

async function page (server: TestServer, path: string, query: string): Promise<object> {
  const { body } = await server.get(`${path}?${query}`)
  return { ids: body.data?.map(({ id }: any) => id), first: body.first_id, last: body.last_id, hasMore: body.has_more }
}

test('a list begins with the newest, or with the oldest when asked', async t => {
  await eachList(t, async ({ path, ids, what }, server) => {
    t.strictSame(await page(server, path, ''), envelope([...ids].reverse(), false), `${what}, default`)
    t.strictSame(await page(server, path, 'order=desc'), envelope([...ids].reverse(), false), `${what}, desc`)
    t.strictSame(await page(server, path, 'order=asc'), envelope(ids, false), `${what}, asc`)
  })
})

test('after gives the page behind the cursor, in either order', async t => {
  await eachList(t, async ({ path, ids, what }, server) => {
    const newest = [...ids].reverse()
    t.strictSame(await page(server, path, `order=asc&limit=2&after=${ids[0]}`), envelope(ids.slice(1, 3), true), what)
    t.strictSame(await page(server, path, `limit=2&after=${newest[0]}`), envelope(newest.slice(1, 3), true), what)
    t.strictSame(await page(server, path, `order=asc&after=${ids.at(-2)}`), envelope(ids.slice(-1), false), what)
    t.strictSame(await page(server, path, `order=asc&after=${ids.at(-1)}`), envelope([], false), `${what}: behind the last`)
  })
})

test('before gives the page next to the cursor, still in the order asked for', async t => {
  await eachList(t, async ({ path, ids, what }, server) => {
    const newest = [...ids].reverse()
    t.strictSame(await page(server, path, `order=asc&limit=2&before=${ids[4]}`), envelope(ids.slice(2, 4), true), what)
    t.strictSame(await page(server, path, `limit=2&before=${newest[4]}`), envelope(newest.slice(2, 4), true), what)
    t.strictSame(await page(server, path, `order=asc&limit=2&before=${ids[2]}`), envelope(ids.slice(0, 2), false), what)
    t.strictSame(await page(server, path, `order=asc&before=${ids[0]}`), envelope([], false), `${what}: before the first`)
  })
})

test('after and before together give what lies between', async t => {
  await eachList(t, async ({ path, ids, what }, server) => {
    t.strictSame(await page(server, path, `order=asc&after=${ids[0]}&before=${ids[4]}`), envelope(ids.slice(1, 4), false), what)
    t.strictSame(await page(server, path, `order=asc&limit=2&after=${ids[0]}&before=${ids[4]}`), envelope(ids.slice(1, 3), true), what)
    t.strictSame(await page(server, path, `order=asc&after=${ids[3]}&before=${ids[1]}`), envelope([], false), what)
  })
})

test('an unknown cursor is the 404 of what is listed', async t => {
  await eachList(t, async ({ path, what }, server) => {
    for (const cursor of ['after', 'before']) {
      t.match(await server.get(`${path}?${cursor}=nobody`), {
        status: 404, body: { error: { message: `No ${what} found with id 'nobody'.`, type: 'invalid_request_error', param: null, code: null } }
      })
    }
  })
})

test('the cursor of another list is unknown to this one', async t => {
  const server = await startServer(t)
  const all = await lists(server)
  const [first, second] = [await newThread(server, 'Hello'), await newThread(server, 'Hello')]
  const [elsewhere] = (await server.get(`/threads/${second.id}/messages`)).body.data
  t.equal((await server.get(`/threads/${first.id}/messages?after=${elsewhere.id}`)).status, 404, 'a message of another thread')
  const [runs, steps] = [all.find(({ what }) => what === 'run')!, all.find(({ what }) => what === 'run step')!]
  t.equal((await server.get(`${runs.path}/${runs.ids[1]}/steps?after=${steps.ids[0]}`)).status, 404, 'a step of another run')
  for (const { path, what } of all) {
    const foreign = all.find(other => other.what !== what)!.ids[0]
    t.equal((await server.get(`${path}?before=${foreign}`)).status, 404, `no ${what}`)
  }
})

test('bad list parameters are refused by name', async t => {
  const refusals: [query: string, error: object][] = [
    ['limit=0', { message: "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.", param: 'limit', code: 'integer_below_min_value' }],
    ['limit=101', { message: "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.", param: 'limit', code: 'integer_above_max_value' }],
    ['limit=-1', { param: 'limit', code: 'integer_below_min_value' }],
    ['limit=ten', { message: "Invalid type for 'limit': expected an integer, but got a string instead.", param: 'limit', code: 'invalid_type' }],
    ['limit=1.5', { message: "Invalid type for 'limit': expected an integer, but got a decimal number instead.", param: 'limit', code: 'invalid_type' }],
    ['limit=1&limit=2', { param: 'limit', code: 'invalid_type' }],
    ['order=newest', { message: "Invalid value: 'newest'. Supported values are: 'asc' and 'desc'.", param: 'order', code: 'invalid_value' }]
  ]
  await eachList(t, async ({ path, what }, server) => {
    for (const [query, error] of refusals) {
      t.match(await server.get(`${path}?${query}`), { status: 400, body: { error: { type: 'invalid_request_error', ...error } } }, `${what}: ${query}`)
    }
    t.equal((await server.get(`${path}?limit=&order=&after=&api-version=2024-05-01-preview`)).status, 200, 'empty and foreign ones are none')
  })
})

test('an empty list has no first and no last', async t => {
  const server = await startServer(t, { script: [text('')] })
  const empty = { object: 'list', data: [], first_id: null, last_id: null, has_more: false }
  t.strictSame((await server.get('/assistants')).body, empty)
  const thread = await newThread(server)
  t.strictSame((await server.get(`/threads/${thread.id}/messages`)).body, empty)
  t.strictSame((await server.get(`/threads/${thread.id}/runs`)).body, empty)
})

test('a page has twenty objects unless told otherwise, and says whether there are more', async t => {
  const server = await startServer(t)
  const thread = await newThread(server, ...Array.from({ length: 20 }, (_, n) => `${n}`))
  const path = `/threads/${thread.id}/messages`
  t.match((await server.get(path)).body, { data: { length: 20 }, has_more: false })
  await server.post(path, { role: 'user', content: '20' })
  t.match((await server.get(path)).body, { data: { length: 20 }, has_more: true })
  t.match((await server.get(`${path}?limit=21`)).body, { data: { length: 21 }, has_more: false })
})

for (const sdk of sdks) {
  test(`${sdk.name}: the pages of 45 objects add up to each of them once`, async t => {
    covers(t, 'listAssistants', 'listMessages')
    const server = await startServer(t)
    const { assistants, threads } = server.client(sdk).beta
    const names = Array.from({ length: 45 }, (_, n) => `${n}`)
    const thread = await newThread(server)
    for (const name of names) {
      await newAssistant(server, { name })
      await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: name })
    }
    for (const order of ['asc', 'desc'] as const) {
      const expected = order === 'asc' ? names : [...names].reverse()
      const listed = []
      for await (const assistant of assistants.list({ order })) listed.push(assistant.name)
      t.strictSame(listed, expected, `assistants, ${order}`)
      const spoken = []
      for await (const message of threads.messages.list(thread.id, { order, limit: 7 })) {
        spoken.push(message.content[0]?.type === 'text' && message.content[0].text.value)
      }
      t.strictSame(spoken, expected, `messages, ${order}`)
    }
    const first = await assistants.list({ limit: 10, order: 'asc' })
    t.ok(first.hasNextPage())
    t.equal((await first.getNextPage()).data[0]?.name, '10')
  })
}

interface Emptied {
  what: string
  /** From the SDK: all objects, page by page. */
  list: () => AsyncIterable<{ id: string }>
  /** The same as a path, without its query. */
  path: string
  remove: (id: string) => PromiseLike<unknown>
}

/** Everything that can be listed and deleted, six of each, oldest first. */
async function deletable (server: TestServer): Promise<Emptied[]> {
  const client = server.client()
  const { assistants, threads } = client.beta
  const limit = 2
  const order = 'asc' as const
  const six = [...Array(6).keys()]
  for (const n of six) await newAssistant(server, { name: `${n}` })
  const spoken = await newThread(server, ...six.map(String))
  const files = async (purpose: 'assistants' | 'user_data') => {
    const made = []
    for (const n of six) made.push((await client.files.create({ file: new File([`text ${n}`], `${n}.txt`), purpose })).id)
    return made
  }
  await files('user_data')
  for (const n of six) await client.vectorStores.create({ name: `${n}` })
  const inStore = await client.vectorStores.create({ file_ids: await files('assistants') })
  const inBatch = await client.vectorStores.create({})
  const batch = await client.vectorStores.fileBatches.create(inBatch.id, { file_ids: await files('assistants') })
  return [
    { what: 'assistants', path: '/assistants', list: () => assistants.list({ limit, order }), remove: id => assistants.delete(id) },
    { what: 'messages', path: `/threads/${spoken.id}/messages`, list: () => threads.messages.list(spoken.id, { limit, order }), remove: id => threads.messages.delete(id, { thread_id: spoken.id }) },
    { what: 'files of a store', path: `/vector_stores/${inStore.id}/files`, list: () => client.vectorStores.files.list(inStore.id, { limit, order }), remove: id => client.vectorStores.files.delete(id, { vector_store_id: inStore.id }) },
    // Deleting a file detaches it from its stores.
    { what: 'files of a batch', path: `/vector_stores/${inBatch.id}/file_batches/${batch.id}/files`, list: () => client.vectorStores.fileBatches.listFiles(batch.id, { vector_store_id: inBatch.id, limit, order }), remove: id => client.files.delete(id) },
    { what: 'vector stores', path: '/vector_stores', list: () => client.vectorStores.list({ limit, order }), remove: id => client.vectorStores.delete(id) },
    { what: 'files of a purpose', path: '/files', list: () => client.files.list({ purpose: 'user_data', limit, order }), remove: id => client.files.delete(id) },
    { what: 'files', path: '/files', list: () => client.files.list({ limit, order }), remove: id => client.files.delete(id) }
  ]
}

test('a list whose objects are deleted while it is paged through is read to its end', async t => {
  const server = await startServer(t)
  for (const { what, list, path, remove } of await deletable(server)) {
    const { data } = (await server.get(`${path}?limit=100&order=asc`)).body
    const deleted: string[] = []
    for await (const { id } of list()) {
      await remove(id)
      deleted.push(id)
    }
    t.ok(deleted.length >= 6, what)
    if (what !== 'files of a purpose') t.strictSame(deleted, data.map(({ id }: any) => id), what)
    t.strictSame(await page(server, path, `after=${deleted[0]}`), envelope([], false), `${what}: nothing is left`)
  }
})

test('a cursor that was deleted stands where it stood, in both orders and directions; one that never was is a 404', async t => {
  const server = await startServer(t)
  for (const { what, path, remove } of await deletable(server)) {
    if (what === 'files of a purpose') continue
    const ids: string[] = (await server.get(`${path}?limit=100&order=asc`)).body.data.map(({ id }: any) => id)
    const [middle, older, newer] = [ids[3]!, ids.slice(0, 3), ids.slice(4)]
    await remove(middle)
    t.strictSame(await page(server, path, `limit=100&order=asc&after=${middle}`), envelope(newer, false), what)
    t.strictSame(await page(server, path, `limit=100&after=${middle}`), envelope([...older].reverse(), false), what)
    if (!path.startsWith('/files')) {
      t.strictSame(await page(server, path, `limit=100&order=asc&before=${middle}`), envelope(older, false), what)
      t.strictSame(await page(server, path, `limit=2&order=desc&before=${ids.at(-1)}`), envelope([], false), what)
    }
    t.equal((await server.get(`${path}?after=${middle.slice(0, -1)}_`)).status, 404, `${what}: an id that was never given`)
  }
  const other = await newThread(server, 'a', 'b')
  const [{ id }] = (await server.get(`/threads/${other.id}/messages`)).body.data
  await server.delete(`/threads/${other.id}/messages/${id}`)
  t.equal((await server.get(`/threads/${(await newThread(server, 'c')).id}/messages?after=${id}`)).status, 404, 'deleted in another thread')
})

test('a file that has expired is a cursor like one that was deleted', async t => {
  const clock = new ManualClock()
  const server = await startServer(t, { clock })
  const client = server.client()
  const ids = []
  for (const seconds of [undefined, 3600, undefined]) {
    ids.push((await client.files.create({ file: new File(['x'], 'x.txt'), purpose: 'user_data', ...seconds === undefined ? {} : { expires_after: { anchor: 'created_at', seconds } } })).id)
  }
  await clock.advance(3_600_000)
  for (const query of ['', 'purpose=user_data&']) {
    t.strictSame(await page(server, '/files', `${query}order=asc&after=${ids[1]}`), envelope([ids[2]!], false))
    t.strictSame(await page(server, '/files', `${query}after=${ids[1]}`), envelope([ids[0]!], false))
  }
})
