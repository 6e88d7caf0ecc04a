import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { PyodideSandbox } from '../../lib/sandbox/pyodide/pyodide.js'
import { pyodideSkip } from './helpers/available.js'
import { PYODIDE_ATTEMPTS, PYODIDE_PRELUDE } from './helpers/pyodide-attempts.js'
import { startSession, textOf } from './helpers/sessions.js'

test('no attempt gets out of Pyodide', { skip: await pyodideSkip() }, async t => {
  process.env.CANARY = 'secret'
  const folder = t.testdir({})
  writeFileSync(join(folder, 'secret'), 'secret')
  let contacts = 0
  const count = (): void => { contacts++ }
  const tcp = createServer(socket => { count(); socket.destroy() }).listen(0, '127.0.0.1')
  const file = createServer(count).listen(join(folder, 'socket'))
  const udp = createSocket('udp4').on('message', count)
  udp.bind(0, '127.0.0.1')
  await Promise.all([tcp, file, udp].map(async server => await new Promise<void>(resolve => { server.once('listening', () => resolve()) })))
  t.teardown(() => { tcp.close(); file.close(); udp.close() })
  const sandbox = new PyodideSandbox()
  t.teardown(async () => await sandbox.close())
  const canaries = { tcpPort: (tcp.address() as AddressInfo).port, udpPort: udp.address().port, socketPath: join(folder, 'socket'), folder, secretPath: join(folder, 'secret'), pid: process.pid }
  const prelude = PYODIDE_PRELUDE(canaries)
  let session = await startSession(t, sandbox)
  await textOf(session, prelude)
  const through: string[] = []
  for (const [name, attempt] of Object.entries(PYODIDE_ATTEMPTS)) {
    if (session.hasEnded) {
      session = await startSession(t, sandbox)
      await textOf(session, prelude)
    }
    // One that ends its session has not come through either.
    const text = await textOf(session, `try: _result = bool(${attempt})\nexcept BaseException as error: _result = False\nprint("THROUGH" if _result else "")`)
    if (text.includes('THROUGH')) through.push(name)
  }
  t.strictSame(through, [])
  t.equal(contacts, 0, 'the host has seen nobody')
})
