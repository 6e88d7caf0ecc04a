import { Writable } from 'node:stream'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { test } from 'tap'
import { until } from '../runs/helpers/core.js'
import openaiCompatConsole from '../../lib/console/console.js'
import { startServer, stopped, type TestServer } from '../helpers/server.js'
import { error, Gate, startUpstream, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'
import { noBrowser, openPage } from './helpers/browser.js'

const KEYS = ['a', 'b', 'c'].map(name => ({ key: `sk-${name}`, name: `key of ${name}`, project: name }))
const ADMIN = { key: 'sk-admin', name: 'boss', project: 'office', admin: true }
const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })
const weather = { type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }

const RUNS = 100
/** The ends that runs come to, in turn. */
const WAYS = ['streamed', 'polled', 'with a tool', 'failed', 'given up', 'cancelled in its answer'] as const

interface Totals { runs: number, calls: number, input: number, output: number }

const add = (totals: readonly Totals[]): Totals =>
  totals.reduce((sum, one) => ({ runs: sum.runs + one.runs, calls: sum.calls + one.calls, input: sum.input + one.input, output: sum.output + one.output }), { runs: 0, calls: 0, input: 0, output: 0 })

/** A model whose every answer costs another number of tokens. */
function vendor (): (request: { body: unknown }) => UpstreamReply {
  let answers = 0
  return ({ body }) => {
    const { messages, tools } = body as { messages: { role: string, content: string }[], tools?: unknown[] }
    const usage = { prompt_tokens: 100 + ++answers, completion_tokens: answers % 7 + 1, total_tokens: 101 + answers + answers % 7 }
    if (messages.at(-1)?.content === 'Stop!') return text(['Sun', new Gate()], { usage })
    if (messages.at(-1)?.content === 'Fail!') return error(400, { error: { message: 'No.', type: 'invalid_request_error', param: null, code: null } })
    return tools !== undefined && messages.at(-1)?.role === 'user' ? toolCalls([{ name: 'get_weather', arguments: {} }], { usage }) : text('Sunny.', { usage })
  }
}

const WORDS: Partial<Record<typeof WAYS[number], string>> = { failed: 'Fail!', 'cancelled in its answer': 'Stop!' }

async function run (server: TestServer, key: string, way: typeof WAYS[number]): Promise<any> {
  const usesTool = way === 'with a tool' || way === 'given up'
  const { body: assistant } = await server.post('/assistants', { model: 'test-model', ...usesTool ? { tools: [weather] } : {} }, as(key))
  const body = { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: WORDS[way] ?? 'Hi' }] } }
  if (way === 'streamed') {
    const events = await (await server.stream('/threads/runs', body, as(key))).all()
    return events.findLast(({ event }) => event === 'thread.run.completed')?.data
  }
  if (way === 'cancelled in its answer') {
    const stream = await server.stream('/threads/runs', body, as(key))
    let last: any
    for await (const { event, data } of stream) {
      if (event === 'thread.message.delta') await server.post(`/threads/${last.thread_id}/runs/${last.id}/cancel`, {}, as(key))
      if (/^thread\.run\.[a-z_]+$/.test(event)) last = data
    }
    return last
  }
  const settled = async (started: any): Promise<any> => await stopped({ get: async (path: string) => await server.get(path, as(key)) } as never, started)
  const first = await settled((await server.post('/threads/runs', body, as(key))).body)
  const path = `/threads/${first.thread_id}/runs/${first.id}`
  if (way === 'given up') {
    await server.post(`${path}/cancel`, {}, as(key))
    return await settled(first)
  }
  if (way !== 'with a tool') return first
  const outputs = first.required_action.submit_tool_outputs.tool_calls.map(({ id }: any) => ({ tool_call_id: id, output: 'Sunny' }))
  return await settled((await server.post(`${path}/submit_tool_outputs`, { tool_outputs: outputs }, as(key))).body)
}

test('a hundred runs of three projects are the same runs and tokens in the log, the metrics, the traces, the usage and the console', async t => {
  const exporter = new InMemorySpanExporter()
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
  const lines: any[] = []
  const stream = new Writable({ write (line, _encoding, done) { lines.push(JSON.parse(String(line))); done() } })
  const upstream = await startUpstream(t, { respond: vendor() })
  const server = await startServer(t, { upstream, apiKeys: [...KEYS, ADMIN], metrics: true, fastify: { logger: { level: 'info', stream } }, prepare: async app => await app.register(openaiCompatConsole) })

  const runs: any[] = []
  for (let i = 0; i < RUNS; i++) runs.push({ project: KEYS[i % 3]!.project, ...await run(server, KEYS[i % 3]!.key, WAYS[i % WAYS.length]!) })
  t.equal(new Set(runs.map(({ id }) => id)).size, RUNS)
  t.strictSame([...new Set(runs.map(({ status }) => status))].sort(), ['cancelled', 'completed', 'failed'])
  const calls = upstream.chats.length
  // What the vendor has said of its answers; those that failed cost nothing.
  const answered = calls - runs.filter(({ status }) => status === 'failed').length
  const ofProject = (project: string): any[] => runs.filter(run => run.project === project)

  const spans = (): any[] => exporter.getFinishedSpans().filter(({ name }) => name === 'invoke_agent')
  await until(async () => spans().filter(({ attributes }) => attributes['openai_compat.run.status'] !== 'requires_action').length >= RUNS)

  const usage = async (key: string): Promise<Totals> => {
    const { body } = await server.get(`/organization/usage/completions?start_time=${Math.floor(Date.now() / 1000) - 86_400}&limit=3`, as(key))
    return add(body.data.flatMap(({ results }: any) => results.map((one: any): Totals => ({ runs: one.num_runs, calls: one.num_model_requests, input: one.input_tokens, output: one.output_tokens }))))
  }
  const counted = await usage(ADMIN.key)
  t.equal(counted.runs, RUNS)
  t.equal(counted.calls, answered)
  for (const { key, project } of KEYS) t.equal((await usage(key)).runs, ofProject(project).length, `a key of ${project} sees its own`)
  t.strictSame(add(await Promise.all(KEYS.map(async ({ key }) => await usage(key)))), counted)

  const logged = lines.filter(({ run_id: id, status }) => id !== undefined && status !== undefined)
  const ended = logged.filter(({ status }) => status !== 'requires_action')
  t.strictSame(ended.map(({ run_id: id }) => id).sort(), runs.map(({ id }) => id).sort())
  const inLog = { input: logged.reduce((sum, line) => sum + line.prompt_tokens, 0), output: logged.reduce((sum, line) => sum + line.completion_tokens, 0) }
  t.strictSame(inLog, { input: counted.input, output: counted.output }, 'log')
  const byProject = new Map(await Promise.all(KEYS.map(async ({ key, project }) => [project, await usage(key)] as const)))
  for (const [project, used] of byProject) {
    const own = logged.filter(line => line.project === project)
    t.strictSame({
      runs: own.filter(({ status }) => status !== 'requires_action').length,
      input: own.reduce((sum, line) => sum + line.prompt_tokens, 0),
      output: own.reduce((sum, line) => sum + line.completion_tokens, 0)
    }, { runs: used.runs, input: used.input, output: used.output }, `log of ${project}`)
  }

  const metrics = await (await fetch(`${server.baseURL}/metrics`)).text()
  const metric = (name: string, label: string): number => [...metrics.matchAll(new RegExp(`^openai_compat_${name}\\{[^}]*${label}[^}]*\\} (\\S+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0)
  t.equal(['completed', 'failed', 'cancelled'].reduce((sum, status) => sum + metric('runs_total', `status="${status}"`), 0), RUNS, 'metrics')
  t.strictSame({ input: metric('tokens_total', 'kind="prompt"'), output: metric('tokens_total', 'kind="completion"') }, inLog, 'metrics')

  const traced = (name: string): number => spans().reduce((sum, { attributes }) => sum + Number(attributes[name] ?? 0), 0)
  t.strictSame({ input: traced('gen_ai.usage.input_tokens'), output: traced('gen_ai.usage.output_tokens') }, inLog, 'traces')
  t.equal(spans().filter(({ attributes }) => attributes['openai_compat.run.status'] !== 'requires_action').length, RUNS, 'a span for the end of each run')
  t.equal(exporter.getFinishedSpans().filter(({ name }) => name.startsWith('chat ')).length, calls, 'a span for each call of the model')

  await t.test('the console', { skip: noBrowser }, async t => {
    const { origin } = new URL(server.baseURL)
    const page = await openPage(t, origin)
    const figure = async (name: string): Promise<number> => Number((await page.locator('.figure', { hasText: name }).locator('strong').first().textContent())?.replace(/\D/g, ''))
    await page.goto(`${origin}/console/#/usage`)
    await page.getByLabel('API key').fill(ADMIN.key)
    await page.keyboard.press('Enter')
    await page.getByText('By project').first().waitFor()
    t.strictSame({ runs: await figure('Runs'), calls: await figure('Model calls'), input: await figure('Tokens in'), output: await figure('Tokens out') }, counted)
    const rows = await page.getByRole('region', { name: 'By project' }).locator('tbody tr').evaluateAll(rows => rows.map(row => [...row.querySelectorAll('td')].slice(0, 5).map(cell => cell.textContent)))
    const shown = new Map(rows.map(([project = '', ...figures]) => [project, figures.map(figure => Number(figure?.replace(/\D/g, '')))]))
    t.strictSame(shown, new Map([...byProject].map(([project, { runs, calls, input, output }]) => [project, [runs, calls, input, output]])))
    await page.getByRole('heading', { name: 'Now' }).waitFor()
    t.equal(await figure('Active runs'), 0)
  })
})
