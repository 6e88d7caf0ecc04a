import { test } from 'tap'
import type { TestServer } from '../helpers/server.js'
import { uploaded } from '../vector-stores/helpers/searcher.js'
import { onSharedStores, startInstances } from './helpers/instances.js'

async function found (server: TestServer, storeId: string): Promise<string[]> {
  const { status, body } = await server.post(`/vector_stores/${storeId}/search`, { query: 'walrus' })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body.data.map((result: any) => result.file_id).sort()
}

await onSharedStores(async (t, store) => {
  await t.test('a deleted file is found no more, in any vector store, on any instance', async t => {
    const { servers } = await startInstances(t, store, 2)
    const [one, two] = servers as [TestServer, TestServer]
    const files = [await uploaded(one, 'a.txt', 'A walrus.'), await uploaded(two, 'b.txt', 'Another walrus.')]
    const storeIds: string[] = []
    for (const server of servers) {
      const { body } = await server.post('/vector_stores', { file_ids: files })
      while ((await server.get(`/vector_stores/${body.id}`)).body.status !== 'completed');
      storeIds.push(body.id)
    }
    const [first, second] = files as [string, string]
    for (const server of servers) for (const id of storeIds) t.strictSame(await found(server, id), [first, second].sort(), 'both indexes know both files')
    t.match((await one.delete(`/files/${first}`)).status, 200)
    for (const server of [two, one]) for (const id of storeIds) t.strictSame(await found(server, id), [second])
    t.match((await two.delete(`/files/${second}`)).status, 200)
    for (const server of [one, two]) for (const id of storeIds) t.strictSame(await found(server, id), [])
    t.match((await two.get(`/vector_stores/${storeIds[0]}`)).body, { file_counts: { total: 0 }, usage_bytes: 0 })
  })
}, test)
