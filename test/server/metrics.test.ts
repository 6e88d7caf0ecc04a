import { Writable } from 'node:stream'
import { Registry } from 'prom-client'
import { test } from 'tap'
import { buildServer } from '../../lib/server.js'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { error, text } from '../helpers/upstream.js'

/** Values of a metric by its labels, as Prometheus writes them. */
function read (page: string, name: string): Record<string, number> {
  return Object.fromEntries([...page.matchAll(new RegExp(`^openai_compat_${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))].map(([, labels = '', value]) => [labels, Number(value)]))
}

const usage = { prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 }

test('metrics tell how many runs there were, how they ended and what they used, and name no object', async t => {
  const server = await startServer(t, { metrics: true })
  const page = async (): Promise<string> => {
    const answer = await fetch(`${server.baseURL}/metrics`)
    t.equal(answer.headers.get('content-type'), Registry.PROMETHEUS_CONTENT_TYPE)
    return await answer.text()
  }
  const assistant = await newAssistant(server)
  server.upstream.enqueue(text('Hello there', { usage }), text('Hello again', { usage }), error(400, 'No.'))
  const runs = []
  for (let i = 0; i < 3; i++) {
    const thread = await newThread(server, 'Hi')
    runs.push(await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body))
  }
  t.strictSame(runs.map(({ status }) => status), ['completed', 'completed', 'failed'])
  const seen = await page()
  const [completed, failed] = ['completed', 'failed'].map(status => Object.entries(read(seen, 'runs_total')).filter(([labels]) => labels.includes(`status="${status}"`)))
  t.strictSame(completed!.map(([, count]) => count), [2])
  t.strictSame(failed!.map(([, count]) => count), [1])
  const tokens = read(seen, 'tokens_total')
  t.equal(Object.entries(tokens).find(([labels]) => labels.startsWith('kind="prompt"'))?.[1], 60)
  t.equal(Object.entries(tokens).find(([labels]) => labels.startsWith('kind="completion"'))?.[1], 24)
  t.equal(Object.values(read(seen, 'run_first_token_seconds_count')).reduce((sum, count) => sum + count, 0), 2)
  t.equal(read(seen, 'requests_total')['operation="createAssistant",status="200"'], 1)
  t.ok(read(seen, 'store_duration_seconds_count')['verb="write"']! > 0)
  for (const name of ['streams', 'active_runs', 'indexing_stores', 'held_bytes', 'sandboxes']) t.equal(typeof read(seen, name)[''], 'number', name)
  t.match(seen, /^nodejs_eventloop_lag_seconds /m)
  t.match(seen, /^nodejs_eventloop_lag_mean_seconds 0\.\d+$/m, 'the process is watched from the start')
  t.notMatch(seen, new RegExp([assistant.id, ...runs.flatMap(({ id, thread_id: threadId }) => [id, threadId])].join('|')))
})

test('metrics are for this machine, or for the holder of their token', async t => {
  const local = await startServer(t, { metrics: true, apiKeys: ['sk-key'] })
  const ask = async (server: typeof local, headers: Record<string, string> = {}): Promise<number> => (await fetch(`${server.baseURL}/metrics`, { headers })).status
  t.equal(await ask(local), 200)
  for (const headers of [{ 'x-forwarded-for': '203.0.113.1' }, { forwarded: 'for=203.0.113.1' }, { origin: 'https://example.com' }]) t.equal(await ask(local, headers as never), 403)
  const withToken = await startServer(t, { metrics: { token: 'a-token-of-metrics' }, apiKeys: ['sk-key'] })
  t.equal(await ask(withToken), 403)
  t.equal(await ask(withToken, { authorization: 'Bearer sk-key' }), 403)
  t.equal(await ask(withToken, { authorization: 'Bearer a-token-of-metrics', 'x-forwarded-for': '203.0.113.1' }), 200)
  const off = await startServer(t)
  t.equal(await ask(off), 404)
  for (const metrics of [{ token: 'short' }, { key: 'x' } as never, 'yes' as never]) await t.rejects(startServer(t, { metrics }), { name: 'TypeError', message: /"metrics/ })
})

test('a standalone server has its metrics at the root, and one without them has a 404 there', async t => {
  for (const [metrics, status] of [[true, 200], [false, 404]] as const) {
    const app = buildServer({ metrics })
    t.teardown(async () => await app.close())
    t.equal((await app.inject('/metrics')).statusCode, status)
  }
})

test('each run is a line of the log with its model, tokens, turns and times', async t => {
  const lines: any[] = []
  const stream = new Writable({
    write (line, _encoding, callback) {
      lines.push(JSON.parse(String(line)))
      callback()
    }
  })
  const server = await startServer(t, { fastify: { logger: { level: 'info', stream } }, apiKeys: [{ key: 'sk-test', name: 'web', project: 'shop' }] })
  const as = { authorization: 'Bearer sk-test' }
  server.upstream.enqueue(text('Hello there', { usage }), error(400, 'No.'))
  const assistant = (await server.post('/assistants', { model: 'test-model' }, as)).body
  for (let i = 0; i < 2; i++) {
    await (await server.stream('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } }, as)).all()
  }
  const [completed, failed] = lines.filter(({ msg }) => /^run \w+$/.test(msg))
  t.match(completed, {
    level: 30,
    msg: 'run completed',
    run_id: /^run_/,
    thread_id: /^thread_/,
    assistant_id: assistant.id,
    project: 'shop',
    key: 'web',
    model: 'test-model',
    status: 'completed',
    prompt_tokens: 30,
    completion_tokens: 12,
    model_turns: 1,
    tool_calls: 0,
    first_token_ms: Number,
    duration_ms: Number
  })
  t.ok(completed.first_token_ms <= completed.duration_ms)
  t.match(failed, { level: 40, msg: 'run failed', status: 'failed', error: { code: String, message: String } })
})

test('requests are counted by operation and status, those to no operation together, and their times in buckets that add up', async t => {
  const server = await startServer(t, { metrics: true })
  const assistant = await newAssistant(server)
  for (let i = 0; i < 3; i++) await server.get(`/assistants/${assistant.id}`)
  await server.get('/assistants/asst_none')
  await server.get('/nowhere')
  const page = await (await fetch(`${server.baseURL}/metrics`)).text()
  t.match(read(page, 'requests_total'), { 'operation="getAssistant",status="200"': 3, 'operation="getAssistant",status="404"': 1, 'operation="other",status="404"': 1 })
  const buckets = Object.entries(read(page, 'request_duration_seconds_bucket')).filter(([labels]) => labels.includes('operation="getAssistant"')).map(([, count]) => count)
  t.strictSame(buckets, [...buckets].sort((a, b) => a - b))
  t.equal(buckets.at(-1), 4)
  t.equal(read(page, 'request_duration_seconds_count')['operation="getAssistant"'], 4)
  t.ok(read(page, 'request_duration_seconds_sum')['operation="getAssistant"']! > 0)
})
