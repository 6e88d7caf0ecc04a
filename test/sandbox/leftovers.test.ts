import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test, type Test } from 'tap'
import { built } from '../helpers/paths.js'
import { startCommand, type CliProcess } from '../helpers/process.js'
import { connectTo, newAssistant, newThread } from '../helpers/server.js'
import { startUpstream, type Upstream } from '../helpers/upstream.js'
import { python, somePlaces } from '../code-interpreter/helpers/coder.js'

/** Code that does not want to end: deaf to interrupts, with a child where there are processes. */
const STUBBORN = `import os, signal
try:
    os.fork()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
except (OSError, AttributeError, NotImplementedError): pass
print("begun", flush=True)
while True:
    try:
        while True: pass
    except BaseException: pass`

/** All processes below one, however deep. */
function descendants (pid: number): number[] {
  const parents = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = /^PPid:\s+(\d+)/m.exec(statusOf(Number(name)))?.[1]
    if (parent !== undefined) parents.set(Number(parent), [...parents.get(Number(parent)) ?? [], Number(name)])
  }
  const found: number[] = []
  for (const from = [pid]; from.length > 0;) {
    const children = parents.get(from.pop()!) ?? []
    found.push(...children)
    from.push(...children)
  }
  return found
}

function statusOf (pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

const isAlive = (pid: number): boolean => !/^(State:\s+Z|$)/m.test(statusOf(pid).split('\n')[2] ?? '')

interface Running {
  cli: CliProcess
  upstream: Upstream
  /** The temporary folder that it has to itself. */
  temporary: string
}

/** The command line, which no module of the tests is loaded into. */
async function start (t: Test, backend: string): Promise<Running> {
  const upstream = await startUpstream(t)
  const cwd = t.testdir({ temporary: {} })
  const temporary = join(cwd, 'temporary')
  const cli = startCommand(t, 'env', {
    cwd,
    env: { TMPDIR: temporary },
    args: ['-u', 'NODE_OPTIONS', process.execPath, join(built, 'lib/cli.js'), '--port', '0', '--storage', 'memory:', '--base-url', upstream.url, '--code-interpreter', backend]
  })
  return { cli, upstream, temporary }
}

/** Its processes once a session runs stubborn code, and the warm one beside it has begun. */
async function runCode (t: Test, { cli, upstream }: Running): Promise<number[]> {
  upstream.enqueue(python(STUBBORN))
  const api = connectTo(t, await cli.ready)
  const assistant = await newAssistant(api, { tools: [{ type: 'code_interpreter' }] })
  const thread = await newThread(api, 'Calculate!')
  const reader = await api.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  while (!/begun/.test(JSON.stringify((await reader.until('thread.run.step.delta')).delta.step_details.tool_calls[0].code_interpreter.outputs ?? [])));
  return descendants(cli.child.pid!)
}

for (const place of await somePlaces()) {
  const skip = place.skip || (process.platform !== 'linux' && 'Linux only')

  test(`${place.name}: a server that is killed leaves no process and nothing in the temporary folder`, { skip }, async t => {
    const running = await start(t, place.name)
    const processes = await runCode(t, running)
    t.ok(processes.length > 0, `${processes.length} processes`)
    running.cli.child.kill('SIGKILL')
    t.match(await running.cli.exited, { signal: 'SIGKILL' })
    while (processes.some(isAlive)) await delay(20)
    t.strictSame(readdirSync(running.temporary), [])
  })

  test(`${place.name}: a server that is killed in its self-test leaves nothing either`, { skip }, async t => {
    const { cli, temporary } = await start(t, place.name)
    await cli.ready
    let processes: number[] = []
    while (processes.length === 0) processes = descendants(cli.child.pid!)
    cli.child.kill('SIGKILL')
    await cli.exited
    while (processes.some(isAlive)) await delay(20)
    t.strictSame(readdirSync(temporary), [])
  })

  test(`${place.name}: SIGTERM ends sessions within the grace period, even when their code ignores it`, { skip }, async t => {
    const running = await start(t, place.name)
    const processes = await runCode(t, running)
    const before = performance.now()
    running.cli.child.kill('SIGTERM')
    t.match(await running.cli.exited, { code: 0 })
    const took = performance.now() - before
    t.ok(took < 10_000, `${took} ms`)
    // The kernel takes a moment to clear away what was killed.
    while (processes.some(isAlive)) await delay(20)
    t.strictSame(readdirSync(running.temporary), [])
  })
}
