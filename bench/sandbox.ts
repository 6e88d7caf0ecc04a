/**
 * What code in a sandbox costs, on every sandbox that works here: starts cold and from the pool, calls, figures, memory, many at once. Each is
 * compared with a floor of the same minute: the start of the bare program (`python3 -c pass`, `node -e 0`), or a run without a call.
 *
 *   npm run bench -- build/bench/sandbox.js [--keep] [SANDBOX ...]
 *
 * `--keep` puts the table into docs/code-interpreter.md. On a machine with more cores put `taskset -c 0,1` before it.
 */
import { spawn } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { resolveCodeInterpreter } from '../lib/options/code-interpreter.js'
import { candidates } from '../lib/sandbox/choose.js'
import { DEFAULT_SANDBOX_LIMITS as limits, type Sandbox, type SandboxSession } from '../lib/sandbox/sandbox.js'
import { buildServer } from '../lib/server.js'
import { systemClock } from '../lib/shared/clock.js'
import { Sessions } from '../lib/tools/code-interpreter/sessions.js'

const STARTS = 7
const CALLS = 100
const RUNS = 25
const AT_ONCE = 16
const PLOT = 'import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()'
const DOCUMENT = new URL('../../docs/code-interpreter.md', import.meta.url)

const signal = new AbortController().signal
setMaxListeners(0, signal)
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

async function milliseconds (action: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await action()
  return performance.now() - start
}

async function repeated (times: number, action: () => Promise<unknown>): Promise<number> {
  const all: number[] = []
  for (let n = 0; n < times; n++) all.push(await milliseconds(action))
  return median(all)
}

async function execute (session: SandboxSession, code: string): Promise<void> {
  for await (const event of session.execute(code, { timeoutMs: 60_000, signal })) {
    if (event.type === 'done' && event.status !== 'ok') throw new Error(`${event.status} ${event.detail}`)
  }
}

/** The bare program that a sandbox starts. */
const bare = (name: string): Promise<unknown> => once(name === 'bubblewrap' ? spawn('/usr/bin/python3', ['-c', 'pass']) : spawn(process.execPath, ['-e', '0']), 'exit')

/** Resident megabytes of all processes below this one. */
function residentMegabytes (): number {
  const statuses = new Map(readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(name => {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'latin1')
      return [Number(name), { parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]), kilobytes: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) }]
    } catch {
      return [Number(name), { parent: 0, kilobytes: 0 }]
    }
  }))
  const isBelow = (pid: number): boolean => {
    const parent = statuses.get(pid)?.parent ?? 0
    return parent === process.pid || (parent > 1 && isBelow(parent))
  }
  return [...statuses].filter(([pid]) => isBelow(pid)).reduce((sum, [, { kilobytes }]) => sum + kilobytes, 0) / 1024
}

/** A session out of the pool, as a thread's first call gets one. */
async function warmStarts (sandbox: Sandbox, cold: number): Promise<number> {
  const defaults = resolveCodeInterpreter('auto')!.limits
  const sessions = new Sessions({ sandbox, sandboxLimits: limits, clock: systemClock, limits: { ...defaults, sessions: STARTS + 1 } })
  const all: number[] = []
  for (let n = 0; n <= STARTS; n++) {
    const took = await milliseconds(async () => {
      const { place } = await sessions.enter('project', `thread-${n}`, signal)
      await execute((await sessions.session(place, signal)).session, '1')
    })
    // The first finds an empty pool.
    if (n > 0) all.push(took)
    await pause(3 * cold)
  }
  await sessions.close()
  return median(all)
}

/** A vendor that calls Python with `code`, or without code for the model `none`, and then says a word; and the time that it takes itself. */
async function vendor (code: string): Promise<{ url: string, spent: () => number, close: () => void }> {
  let spent = 0
  const chunk = (delta: object, finish: string | null): string => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  const server = createServer((request, response) => {
    const began = performance.now()
    let body = ''
    request.setEncoding('utf8').on('data', text => { body += text }).on('end', () => {
      const { messages, model } = JSON.parse(body) as { messages: { role: string }[], model: string }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'python', arguments: JSON.stringify({ code: model === 'none' ? '' : code }) } }
      response.end((messages.at(-1)?.role === 'tool' ? chunk({ content: 'Done.' }, null) + chunk({}, 'stop') : chunk({ tool_calls: [call] }, null) + chunk({}, 'tool_calls')) + 'data: [DONE]\n\n')
      spent += performance.now() - began
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, spent: () => spent, close: () => { server.closeAllConnections(); server.close() } }
}

/** Whole runs with a trivial call and with one that is refused for want of code, and what the model itself has taken of the former. */
async function runs (sandbox: Sandbox): Promise<{ called: number, refused: number, model: number }> {
  const model = await vendor('1')
  const app = buildServer({ storage: 'memory:', provider: { baseURL: model.url }, codeInterpreter: { backend: sandbox } })
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const call = async (path: string, body: object): Promise<any> => {
    const response = await fetch(`http://127.0.0.1:${port}/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const text = await response.text()
    if (response.status !== 200 || text.includes('run.failed')) throw new Error(text.slice(0, 300))
    return text.startsWith('{') ? JSON.parse(text) : text
  }
  try {
    const [assistant, thread] = [await call('/assistants', { model: 'm', tools: [{ type: 'code_interpreter' }] }), await call('/threads', { messages: [{ role: 'user', content: 'Calculate!' }] })]
    const run = async (name: string): Promise<void> => { await call(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, model: name, stream: true }) }
    // The first start is measured elsewhere.
    await run('m')
    const times = { m: [] as number[], none: [] as number[], model: [] as number[] }
    for (let n = 0; n < RUNS; n++) {
      const before = model.spent()
      times.m.push(await milliseconds(async () => await run('m')))
      times.model.push(model.spent() - before)
      times.none.push(await milliseconds(async () => await run('none')))
    }
    return { called: median(times.m), refused: median(times.none), model: median(times.model) }
  } finally {
    await app.close()
    model.close()
  }
}

type Row = [what: string, value: string, floor: string, ratio: string]

/** @param first how long the self-test took that came before everything else. */
async function bench (sandbox: Sandbox, first: number): Promise<Row[]> {
  const ms = (value: number): string => `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`
  const ratio = (value: number, floor: number): string => `${(value / floor).toFixed(1)}×`
  const start = async (): Promise<SandboxSession> => await sandbox.start({ limits, signal })
  const floor = await repeated(STARTS, async () => await bare(sandbox.name))
  const starts: number[] = []
  for (let n = 0; n < STARTS; n++) {
    let session!: SandboxSession
    starts.push(await milliseconds(async () => { session = await start() }))
    await session.stop()
  }
  const cold = median(starts)
  const session = await start()
  await execute(session, '1')
  const idle = residentMegabytes()
  const trivial = await repeated(CALLS, async () => await execute(session, '1'))
  const bareStart = `${ms(floor)}, the bare program`
  const rows: Row[] = [
    ['self-test of a server that has just started', ms(first), bareStart, ratio(first, floor)],
    ['start, cold', ms(cold), bareStart, ratio(cold, floor)]
  ]
  const warm = await warmStarts(sandbox, cold)
  rows.push(['start from the warm pool, with a trivial call', ms(warm), bareStart, ratio(warm, floor)])
  rows.push(['trivial call', ms(trivial), bareStart, ratio(trivial, floor)])
  const { called, refused, model } = await runs(sandbox)
  rows.push(['run with a trivial call, above the model\'s own time', ms(called - model), `${ms(refused - model)}, without a sandbox`, `+${ms(called - refused)}`])
  const check = await sandbox.check()
  if (check.ok && check.packages.includes('matplotlib')) {
    const plot = await milliseconds(async () => await execute(session, PLOT))
    const next = await repeated(5, async () => await execute(session, PLOT))
    rows.push(['first figure', ms(plot), `${ms(next)}, a later one`, ratio(plot, next)])
    rows.push(['memory of a session after it', `${(residentMegabytes()).toFixed(0)} MB`, '', ''])
  }
  rows.push(['memory of an idle session', `${idle.toFixed(0)} MB`, '', ''])
  await session.stop()
  const atOnce = await milliseconds(async () => await Promise.all(Array.from({ length: AT_ONCE }, async () => await execute(await start(), '1'))))
  rows.push([`${AT_ONCE} sessions started at once, with a call`, ms(atOnce), `${ms(cold)}, one`, ratio(atOnce, cold)])
  rows.push([`memory of ${AT_ONCE}`, `${residentMegabytes().toFixed(0)} MB`, '', ''])
  return rows
}

const args = process.argv.slice(2)
const wanted = args.filter(arg => !arg.startsWith('--'))
const lines = [`Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores. Medians; the absolute numbers are those of this machine and its load, the ratios hold elsewhere.`, '']
for (const sandbox of candidates(resolveCodeInterpreter('auto')!.choice)) {
  if (wanted.length > 0 && !wanted.includes(sandbox.name)) continue
  const before = performance.now()
  const check = await sandbox.check()
  const took = performance.now() - before
  if (check.ok) {
    lines.push(`| \`${sandbox.name}\`, Python ${check.python} | | floor | |`, '|---|---|---|---|', ...(await bench(sandbox, took)).map(row => `| ${row.join(' | ')} |`), '')
  } else {
    lines.push(`${sandbox.name} is left out: ${check.reason}`, '')
  }
  await sandbox.close()
}
console.log(lines.join('\n'))
if (args.includes('--keep')) {
  const text = readFileSync(DOCUMENT, 'utf8')
  writeFileSync(DOCUMENT, text.replace(/(<!-- bench:sandbox -->\n)[^]*(<!-- \/bench:sandbox -->)/, (_, begin: string, end: string) => `${begin}${lines.join('\n')}\n${end}`))
}
