import { test, type Test } from 'tap'
import { sandboxSuite } from '../../lib/conformance/sandbox.js'
import { chooseSandbox } from '../../lib/sandbox/choose.js'
import { PyodideSandbox } from '../../lib/sandbox/pyodide/pyodide.js'
import { pyodideSkip } from './helpers/available.js'
import { nicenessBelow } from './helpers/priorities.js'
import { startSession, textOf } from './helpers/sessions.js'

const skip = await pyodideSkip()
const sandbox = new PyodideSandbox()

sandboxSuite({
  test: async (name: string, body: (t: Test) => Promise<void>) => await test(`pyodide: ${name}`, { skip }, body),
  sandbox
})

test('what Python computes long in C is interrupted, too', { skip }, async t => {
  const session = await startSession(t, sandbox)
  t.match(await textOf(session, 'import re\nre.match("(a+)+$", "a" * 40 + "b")', 1000), /KeyboardInterrupt/)
  t.equal(await textOf(session, '1'), '1\n')
})

test('an interrupt that comes before the code or behind it, while files are looked through, does not end the session', { skip }, async t => {
  const session = await startSession(t, sandbox)
  await textOf(session, 'for i in range(15000): open(f"file{i}", "w").close()')
  for (let round = 0; round < 3; round++) {
    t.match(await textOf(session, 'while True: pass', 50), /KeyboardInterrupt\n$/)
    t.equal(await textOf(session, '6 * 7'), '42\n')
  }
})

test('where code and the server both have work, the server goes first', { skip: skip || (process.platform !== 'linux' && 'Linux only') }, async t => {
  await startSession(t, sandbox)
  const all = nicenessBelow()
  t.ok(all.length > 0 && all.every(({ niceness }) => niceness >= 10), JSON.stringify(all))
})

test('what cannot work is said in a sentence', async t => {
  t.match(await new PyodideSandbox({ folder: '/missing' }).check(), { ok: false, reason: 'There is no Pyodide in /missing.' })
  const choice = { backend: 'auto', bubblewrap: { bwrap: '/missing' }, pyodide: { folder: '/missing' } } as const
  t.match(await chooseSandbox({ ...choice, allowWeak: true }), { ok: false, reason: /There is no Pyodide/ })
  t.match(await chooseSandbox({ ...choice, allowWeak: false }), { ok: false, reason: /several projects/ })
})

test('auto takes Pyodide where bubblewrap does not work', { skip }, async t => {
  const chosen = await chooseSandbox({ backend: 'auto', bubblewrap: { bwrap: '/missing' }, pyodide: {}, allowWeak: true })
  t.equal(chosen.ok && chosen.sandbox.name, 'pyodide')
})
