import { test, type Test } from 'tap'
import { sandboxSuite } from '../../lib/conformance/sandbox.js'
import { PyodideSandbox } from '../../lib/sandbox/pyodide/pyodide.js'
import { bubblewrapSkip, pyodideSkip } from './helpers/available.js'
import { nicenessBelow } from './helpers/priorities.js'
import { startSession, textOf } from './helpers/sessions.js'

const skip = await bubblewrapSkip() || await pyodideSkip()
const sandbox = new PyodideSandbox({}, new Set(), {})

test('Pyodide runs inside of bubblewrap, and is interrupted there', { skip }, async t => {
  t.strictSame([sandbox.name, sandbox.strength], ['bubblewrap-pyodide', 'kernel'])
  const session = await startSession(t, sandbox)
  t.equal(await textOf(session, 'import sys\nprint(sys.platform)\n6 * 7'), 'emscripten\n42\n')
  t.match(await textOf(session, 'while True: pass', 300), /KeyboardInterrupt/)
})

test('where code and the server both have work, the server goes first', { skip: skip || (process.platform !== 'linux' && 'Linux only') }, async t => {
  await startSession(t, sandbox)
  let all = nicenessBelow()
  // The session as a whole is asked for when the process is known, and the kernel may put it off.
  while (all.some(({ group }) => group === 0)) {
    await new Promise(resolve => setImmediate(resolve))
    all = nicenessBelow()
  }
  t.ok(all.length > 0 && all.every(({ niceness }) => niceness >= 10), JSON.stringify(all))
})

test('without bubblewrap it says so', async t => {
  t.match(await new PyodideSandbox({}, new Set(), { bwrap: '/missing/bwrap' }).check(), { ok: false, reason: /apt-get install bubblewrap/ })
})

// Starting Pyodide for each test takes long: the soak does it.
if (process.env.SANDBOXES === 'all') {
  sandboxSuite({
    test: async (name: string, body: (t: Test) => Promise<void>) => await test(`bubblewrap-pyodide: ${name}`, { skip }, body),
    sandbox
  })
}
