import { test } from 'tap'
import { startServer } from '../helpers/server.js'

/** Nested so deeply that the parser needs its time. */
const SLOW = '<div>'.repeat(400_000)

test('a small file of one project does not wait for the large ones of another', async t => {
  const server = await startServer(t, { apiKeys: { 'sk-a': 'a', 'sk-b': 'b' } })
  const [a, b] = ['sk-a', 'sk-b'].map(apiKey => server.client(undefined, { apiKey }))
  const upload = async (client: typeof a, name: string, text: string) => (await client!.files.create({ file: new File([text], name), purpose: 'assistants' })).id
  const slow: string[] = []
  for (let i = 0; i < 4; i++) slow.push(await upload(a, `${i}.html`, SLOW))
  const small = await upload(b, 'a.txt', 'hello')
  const busy = await a!.vectorStores.create({ file_ids: slow })
  const store = await b!.vectorStores.create({ file_ids: [small] })
  const done = await b!.vectorStores.files.poll(store.id, small, { pollIntervalMs: 10 })
  t.equal(done.status, 'completed')
  const { file_counts: counts } = await a!.vectorStores.retrieve(busy.id)
  t.ok(counts.in_progress >= 2, `${counts.in_progress} of the other's are still under way`)
})
