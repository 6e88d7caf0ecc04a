import { test } from 'tap'
import type { ApiClient } from '../../helpers/server.js'
import { ATTACKER, NEIGHBOUR, startScene } from '../helpers/scene.js'

const MB = 1024 * 1024
/** What another tenant's small file may wait for, in seconds: parsing begins at once, and two cores are shared. */
const WAIT_S = 5

async function upload (server: ApiClient, key: string, name: string, content: string): Promise<string> {
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new Blob([content]), name)
  const response = await fetch(`${server.baseURL}/files`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: form })
  return (await response.json() as { id: string }).id
}

async function indexed (server: ApiClient, store: string): Promise<any> {
  for (;;) {
    const { body } = await server.get(`/vector_stores/${store}`)
    if (body.file_counts.in_progress === 0) return body
  }
}

test('documents that are slow to read hold up neither the requests nor the documents of another tenant', async t => {
  const { attacker, neighbour, withstands } = await startScene(t)
  const slow = '<div>'.repeat(2 * MB)
  const files = await Promise.all(Array.from({ length: 6 }, async (_, i) => await upload(attacker, ATTACKER, `${i}.html`, slow)))
  const mine = await upload(neighbour, NEIGHBOUR, 'small.txt', 'Hello.')
  const seconds = await withstands('six files of nested elements', async () => {
    const { body: store } = await attacker.post('/vector_stores', { file_ids: files })
    const from = performance.now()
    const { body: small } = await neighbour.post('/vector_stores', { file_ids: [mine] })
    const { file_counts: counts } = await indexed(neighbour, small.id)
    t.equal(counts.completed, 1)
    const took = (performance.now() - from) / 1000
    await indexed(attacker, store.id)
    return took
  })
  t.ok(seconds < WAIT_S, `a file of six bytes took ${seconds.toFixed(2)} s`)
})

test('long queries in a script without spaces do not hold up another tenant', async t => {
  const { attacker, withstands } = await startScene(t)
  const text = Array.from({ length: 100_000 }, (_, i) => String.fromCharCode(0x4e00 + (i * 7919) % 20_000)).join('')
  const file = await upload(attacker, ATTACKER, 'chinese.txt', text)
  const { body: store } = await attacker.post('/vector_stores', { file_ids: [file] })
  await indexed(attacker, store.id)
  const query = text.slice(0, 4096)
  const statuses = await withstands('forty searches at once', async () => await Promise.all(Array.from({ length: 40 }, async () =>
    (await attacker.post(`/vector_stores/${store.id}/search`, { query: Array.from({ length: 4 }, () => query), max_num_results: 50 })).status)))
  t.ok(statuses.every(status => status === 200 || status === 400), String(new Set(statuses)))
})
