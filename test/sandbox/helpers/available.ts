import { BubblewrapSandbox } from '../../../lib/sandbox/bubblewrap/bubblewrap.js'
import { PyodideSandbox } from '../../../lib/sandbox/pyodide/pyodide.js'

let foundPyodide: Promise<string | false> | undefined
let found: Promise<string | false> | undefined

/** Why bubblewrap cannot be tested here; false when it can. */
export async function bubblewrapSkip (): Promise<string | false> {
  found ??= new BubblewrapSandbox().check().then(check => !check.ok && check.reason)
  return await found
}

/** The same of Pyodide. */
export async function pyodideSkip (): Promise<string | false> {
  foundPyodide ??= new PyodideSandbox().check().then(check => !check.ok && check.reason)
  return await foundPyodide
}
