import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { AuditEntry } from '../../lib/http/audit-entry.js'
import { startServer } from '../helpers/server.js'

test('the audit log says who did what to which object, and how it ended; never what is in it', async t => {
  const path = join(t.testdir(), 'audit.log')
  const server = await startServer(t, { audit: path, apiKeys: [{ key: 'sk-secret-red', name: 'red-ci', project: 'red' }] })
  const headers = { authorization: 'Bearer sk-secret-red' }
  const { body: thread, headers: answered } = await server.post('/threads', { metadata: { secret: 'swordfish' } }, headers)
  await server.delete(`/threads/${thread.id}`, headers)
  await server.get('/threads/thread_none', headers)
  await server.get('/nothing?key=sk-secret-red', headers)
  await server.get('/assistants', { authorization: 'Bearer sk-wrong' })
  await server.close()
  const text = readFileSync(path, 'utf8')
  const entries = text.trim().split('\n').map(line => JSON.parse(line) as AuditEntry)
  t.strictSame(entries.map(({ operation, objects, status }) => [operation, objects, status]), [
    ['createThread', {}, 200], ['deleteThread', { thread_id: thread.id }, 200], ['getThread', { thread_id: 'thread_none' }, 404]
  ])
  for (const entry of entries) t.match(entry, { key: 'red-ci', project: 'red', ip: '127.0.0.1', time: /^\d{4}-.*Z$/ })
  t.equal(entries[0]!.request_id, answered.get('x-request-id'))
  t.notMatch(text, /swordfish|sk-secret/)
  t.equal(statSync(path).mode & 0o077, 0)
})

test('a function gets the entries; one that fails fails no request', async t => {
  const entries: AuditEntry[] = []
  const server = await startServer(t, { mayLogErrors: true, audit: entry => { entries.push(entry); throw new Error('full') } })
  t.equal((await server.post('/threads', {})).status, 200)
  t.match(entries, [{ operation: 'createThread', project: 'default', key: null }])
  await t.rejects(startServer(t, { audit: '' }), { name: 'TypeError', message: /"audit"/ })
})
