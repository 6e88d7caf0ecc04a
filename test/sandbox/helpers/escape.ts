import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Wall } from '../../../lib/sandbox/bubblewrap/arguments.js'
import { BubblewrapSandbox } from '../../../lib/sandbox/bubblewrap/bubblewrap.js'
import { DEFAULT_SANDBOX_LIMITS, type SandboxSession } from '../../../lib/sandbox/sandbox.js'
import { ATTEMPTS, DEADLY, FAR, PRELUDE, type Canaries } from './attempts.js'

/**
 * A program: attacks a sandbox of bubblewrap without the walls that its arguments name, and prints, as JSON, what has come through and
 * how many contacts the host has seen. Its own environment holds a CANARY.
 */
const without = new Set(process.argv.slice(2) as Wall[])
const signal = new AbortController().signal
let contacts = 0
const count = (): void => { contacts++ }
const folder = mkdtempSync(join(tmpdir(), 'canary-'))
const tcp = createServer(socket => { count(); socket.destroy() }).listen(0, '127.0.0.1')
const file = createServer(count).listen(join(folder, 'socket'))
const abstract = createServer(count).listen(`\0canary-${process.pid}`)
const udp = createSocket('udp4').on('message', count)
udp.bind(0, '127.0.0.1')
await Promise.all([tcp, file, abstract, udp].map(async server => await new Promise<void>(resolve => { server.once('listening', () => resolve()) })))
writeFileSync(join(folder, 'secret'), 'secret', { mode: 0o644 })

const sandbox = new BubblewrapSandbox({ without })
const [session, other] = await Promise.all([1, 2].map(async () => await sandbox.start({ limits: DEFAULT_SANDBOX_LIMITS, signal })))
const otherFile = `/mnt/data/other-${process.pid}`
await run(other!, `open("${otherFile}", "w").write("secret")`)
const canaries: Canaries = {
  tcpPort: (tcp.address() as AddressInfo).port,
  udpPort: udp.address().port,
  socketPath: join(folder, 'socket'),
  abstractName: `canary-${process.pid}`,
  folder,
  secretPath: join(folder, 'secret'),
  pid: process.pid,
  otherFile
}

async function run (within: SandboxSession, code: string): Promise<string> {
  let text = ''
  for await (const event of within.execute(code, { timeoutMs: 60_000, signal })) {
    if (event.type === 'text') text += event.text
    if (event.type === 'done' && event.status === 'died') text += `died: ${event.detail}`
  }
  return text.trim()
}

const through: string[] = []
const died: string[] = []
await run(session!, PRELUDE(canaries))
for (const [name, attempt] of Object.entries(ATTEMPTS)) {
  if (without.has('network') && FAR.includes(name)) continue
  const result = await run(session!, `import os as _os\n_fork = _os.fork()\nif _fork == 0:\n    try: _result = bool(${attempt})\n    except BaseException: _result = False\n    _os._exit(7 if _result else 0)\nprint(_os.waitstatus_to_exitcode(_os.waitpid(_fork, 0)[1]))`)
  if (result === '7') through.push(name)
  else if (result !== '0') died.push(`${name}: ${result.slice(-200)}`)
}
for (const [name, code] of Object.entries(DEADLY)) {
  const result = await run(session!, `import subprocess, sys\nprint(subprocess.run([sys.executable, "-c", ${JSON.stringify(code)}], capture_output=True, text=True).stdout)`)
  if (result.includes('through')) through.push(name)
}
const isAlive = (await run(session!, '6 * 7')) === '42'
await sandbox.close()
for (const server of [tcp, file, abstract]) server.close()
udp.close()
rmSync(folder, { recursive: true })
process.stdout.write(JSON.stringify({ attempts: Object.keys(ATTEMPTS).length + Object.keys(DEADLY).length, through, died, contacts, isAlive }))
