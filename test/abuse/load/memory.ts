import { request } from 'node:http'
import { once } from 'node:events'
import { test } from 'tap'
import { ATTACKER, startScene } from '../helpers/scene.js'
import { newAssistant, newThread, type ApiClient } from '../../helpers/server.js'

const MB = 1024 * 1024
/** The heap that the server may have, and with its buffers, code and stacks a quarter more of memory. */
const HEAP_MB = 512
const MOST_RSS = HEAP_MB * 1.25 * MB

async function ended (server: ApiClient, run: { id: string, thread_id: string }): Promise<string> {
  for (;;) {
    const { body } = await server.get(`/threads/${run.thread_id}/runs/${run.id}`)
    if (!['queued', 'in_progress'].includes(body.status)) return body.status
  }
}

/** What a tenant can make the server keep. */
const ATTACKS: Record<string, (attacker: ApiClient) => Promise<unknown>> = {
  async 'runs with a response format of 8 MB each' (attacker) {
    const assistant = await newAssistant(attacker, { model: 'echo' })
    const format = { type: 'json_schema', json_schema: { name: 'large', schema: { type: 'object', description: 'x'.repeat(8 * MB) } } }
    for (let i = 0; i < 30; i++) {
      const { status, body } = await attacker.post('/threads/runs', { assistant_id: assistant.id, response_format: format, thread: { messages: [{ role: 'user', content: 'Hi' }] } })
      if (status === 200) await ended(attacker, body)
    }
  },
  async 'a hundred fast streams' (attacker) {
    const assistant = await newAssistant(attacker, { model: 'echo' })
    const body = { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'word '.repeat(4000) }] } }
    await Promise.all(Array.from({ length: 100 }, async () => await (await attacker.stream('/threads/runs', body)).all().catch(() => [])))
  },
  async 'a hundred readers that read nothing' (attacker) {
    const assistant = await newAssistant(attacker, { model: 'echo' })
    const { port, hostname, pathname } = new URL(attacker.baseURL)
    const payload = JSON.stringify({ assistant_id: assistant.id, stream: true, thread: { messages: [{ role: 'user', content: 'word '.repeat(8000) }] } })
    const sent = await Promise.all(Array.from({ length: 100 }, async () => {
      const message = request({ host: hostname, port, path: `${pathname}/threads/runs`, method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${ATTACKER}` } })
      // It is cut at the end.
      message.on('error', () => {})
      message.end(payload)
      const [answer] = await once(message, 'response')
      answer.pause()
      return message
    }))
    // Their runs end whether they are read or not.
    const { body: { data } } = await attacker.get('/threads?limit=100')
    for (const { id } of data) for (const run of (await attacker.get(`/threads/${id}/runs`)).body.data) await ended(attacker, run)
    for (const message of sent) message.destroy()
  },
  async 'pages of large messages' (attacker) {
    const thread = await newThread(attacker)
    const large = [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(10 * MB)}` } }]
    for (let i = 0; i < 20; i++) await attacker.post(`/threads/${thread.id}/messages`, { role: 'user', content: large })
    await Promise.all(Array.from({ length: 4 }, async () => await attacker.get(`/threads/${thread.id}/messages?limit=100`)))
  }
}

for (const [what, attack] of Object.entries(ATTACKS)) {
  test(`${what}: memory stays within bounds, and another tenant notices nothing`, async t => {
    const { attacker, withstands, rss } = await startScene(t, {}, { heapMb: HEAP_MB })
    let most = 0
    let isOver = false
    const watching = (async () => {
      for (;;) {
        if (isOver) return
        most = Math.max(most, await rss())
      }
    })()
    await withstands(what, async () => await attack(attacker))
    isOver = true
    await watching
    t.ok(most < MOST_RSS, `${(most / MB).toFixed(0)} MB of at most ${(MOST_RSS / MB).toFixed(0)}`)
  })
}
