/**
 * A program: attacks Pyodide without the walls that its arguments name, inside of bubblewrap if one of them is `bubblewrap`, and prints, as
 * JSON, what has come through and how many contacts the host has seen. Its own environment holds a CANARY.
 */
import { DEFAULT_SANDBOX_LIMITS, type SandboxSession } from '../../../lib/sandbox/sandbox.js'
import type { PyodideWall } from '../../../lib/sandbox/pyodide/locked-node.js'
import { PyodideSandbox } from '../../../lib/sandbox/pyodide/pyodide.js'
import './available.js'
import { startHost } from './host.js'
import { PYODIDE_ATTEMPTS, PYODIDE_PRELUDE } from './pyodide-attempts.js'

const signal = new AbortController().signal
const host = await startHost()
const args = process.argv.slice(2)
const walls = new Set(args.filter(arg => arg !== 'bubblewrap') as PyodideWall[])
const sandbox = args.includes('bubblewrap') ? new PyodideSandbox({}, walls, {}) : new PyodideSandbox({}, walls)
const prelude = PYODIDE_PRELUDE(host.canaries)

async function run (session: SandboxSession, code: string): Promise<string> {
  let text = ''
  for await (const event of session.execute(code, { timeoutMs: 20_000, signal })) if (event.type === 'text') text += event.text
  return text
}

async function start (): Promise<SandboxSession> {
  const session = await sandbox.start({ limits: DEFAULT_SANDBOX_LIMITS, signal })
  const said = await run(session, prelude)
  if (said !== '') throw new Error(said)
  return session
}

let session = await start()
const through: string[] = []
for (const [name, attempt] of Object.entries(PYODIDE_ATTEMPTS)) {
  // One that ends its session has not come through either.
  if (session.hasEnded) session = await start()
  const text = await run(session, `try: _result = bool(${attempt})\nexcept BaseException as error: _result = False\nprint("THROUGH" if _result else "")`)
  if (text.includes('THROUGH')) through.push(name)
}
const isAlive = session.hasEnded || (await run(session, '6 * 7')) === '42\n'
await sandbox.close()
const contacts = host.contacts()
host.close()
process.stdout.write(JSON.stringify({ attempts: Object.keys(PYODIDE_ATTEMPTS).length, through, contacts, isAlive }))
