import { test } from 'tap'
import { join } from 'node:path'
import { built } from '../helpers/paths.js'
import { startCommand } from '../helpers/process.js'
import { bubblewrapSkip, pyodideSkip } from './helpers/available.js'

const bubblewrap = await bubblewrapSkip()
const pyodide = await pyodideSkip()
const onLinux = process.platform !== 'linux' && 'the system does not bound descriptors so'

const SANDBOX_ERROR = 'SandboxError: Python could not be started: too many files are open.'
const kinds = {
  documents: { skip: onLinux, error: 'Error: a process that reads documents could not be started: too many files are open' },
  bubblewrap: { skip: bubblewrap, error: SANDBOX_ERROR },
  pyodide: { skip: onLinux || pyodide, error: SANDBOX_ERROR },
  'bubblewrap-pyodide': { skip: bubblewrap || pyodide, error: SANDBOX_ERROR }
}

for (const [kind, { skip, error }] of Object.entries(kinds)) {
  test(`where as many files are open as may be no process is started, the server goes on, and later one is: ${kind}`, { skip }, async t => {
    const program = join(built, 'test/helpers/scarce-descriptors.js')
    // What tap loads into each process opens files of its own.
    const { code, stdout, stderr } = await startCommand(t, 'sh', { args: ['-c', 'ulimit -n 64; unset NODE_OPTIONS; exec "$0" "$@"', process.execPath, program, kind] }).exited
    t.strictSame([code, stderr], [0, ''])
    const said = stdout.trim().split('\n').map(line => JSON.parse(line) as [string | number, ...unknown[]])
    const failures = said.filter(([what]) => typeof what === 'number').map(([, name, message]) => `${name}: ${message}`)
    t.ok(failures.length > 10, 'it was tried with too few descriptors')
    t.strictSame([...new Set(failures)], [error])
    const [first, second] = said.filter(([what]) => what === 'open').map(([, open]) => open)
    t.ok(first)
    t.equal(second, first, 'no failure leaves anything open')
  })
}
