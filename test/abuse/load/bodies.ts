import { test } from 'tap'
import type { ApiClient } from '../../helpers/server.js'
import { startScene } from '../helpers/scene.js'

const MB = 1024 * 1024

/** Attempts in a row: one may pass between two requests of the neighbour. */
const TIMES = 5

/** Each is refused; the codes are the matter of test/abuse/bodies.test.ts. */
const BODIES: Record<string, { path: string, make: () => string }> = {
  '30 MB of arrays in arrays': { path: '/threads', make: () => '['.repeat(30 * MB) },
  '24 MB of empty objects': { path: '/threads', make: () => `[${'{},'.repeat(8 * MB)}{}]` },
  'a metadata value of 20 MB': { path: '/threads', make: () => JSON.stringify({ metadata: { key: 'x'.repeat(20 * MB) } }) },
  '300,000 metadata keys': { path: '/threads', make: () => JSON.stringify({ metadata: Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`key ${i}`, ''])) }) },
  '400,000 ids of files': { path: '/vector_stores', make: () => JSON.stringify({ file_ids: Array.from({ length: 400_000 }, (_, i) => `file-${i}`) }) },
  '400,000 ids of parts': { path: '/uploads/upload_1/complete', make: () => JSON.stringify({ part_ids: Array.from({ length: 400_000 }, () => 'part_1') }) },
  '100,000 images': { path: '/threads', make: () => JSON.stringify({ messages: [{ role: 'user', content: Array.from({ length: 100_000 }, () => ({ type: 'image_file', image_file: { file_id: 'file-1' } })) }] }) },
  '100,000 attachments': { path: '/threads', make: () => JSON.stringify({ messages: [{ role: 'user', content: 'Hi', attachments: Array.from({ length: 100_000 }, (_, i) => ({ file_id: `file-${i}`, tools: [] })) }] }) },
  '32 messages with 500 attachments each, all of unknown files': {
    path: '/threads',
    make: () => JSON.stringify({ messages: Array.from({ length: 32 }, (_m, m) => ({ role: 'user', content: 'Hi', attachments: Array.from({ length: 500 }, (_, i) => ({ file_id: `file-${m}-${i}`, tools: [] })) })) })
  }
}

test('bodies that are dear to look at do not hold up another tenant', async t => {
  const { attacker, withstands } = await startScene(t)
  for (const [what, { path, make }] of Object.entries(BODIES)) {
    const body = make()
    const statuses = await withstands(what, async () => await send(attacker, path, body))
    t.ok(statuses.every(status => status === 400 || status === 404), `${what}: refused with ${String(statuses)}`)
  }
})

async function send (attacker: ApiClient, path: string, body: string): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < TIMES; i++) statuses.push((await attacker.request('POST', path, body)).status)
  return statuses
}
