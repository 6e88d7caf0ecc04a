import { createRequire } from 'node:module'
import { BubblewrapSandbox } from '../../../lib/sandbox/bubblewrap/bubblewrap.js'

const require = createRequire(import.meta.url)

/** What `process-on-spawn`, which tap is built on, tells of a process that is about to start. */
interface Spawning {
  args: string[]
  env: Record<string, string | undefined>
}

// tap has every Node process load a module of its own, which the permission model of Pyodide's process refuses: nothing would be tested.
const { addListener } = createRequire(require.resolve('@tapjs/processinfo'))('process-on-spawn') as { addListener (listener: (of: Spawning) => void): void }
addListener(spawning => {
  if (spawning.env.WITHOUT_TAP === undefined && !spawning.args.some(arg => /^--(experimental-)?permission$/.test(arg))) return
  spawning.env = Object.fromEntries(Object.entries(spawning.env).filter(([name]) => name !== 'NODE_OPTIONS' && !name.startsWith('_TAPJS_')))
})

/** The environment of a process of ours that starts such processes itself, which the listener above does not see. */
export const withoutTap = (): NodeJS.ProcessEnv => ({ ...process.env, WITHOUT_TAP: '1' })

let found: Promise<string | false> | undefined

/** Why bubblewrap cannot be tested here; false when it can. */
export async function bubblewrapSkip (): Promise<string | false> {
  found ??= new BubblewrapSandbox().check().then(check => !check.ok && check.reason)
  return await found
}

/** Which of these packages the system's Python lacks, in a sentence; false when it has all. */
export async function pythonLacks (packages: string[]): Promise<string | false> {
  const check = await new BubblewrapSandbox().check()
  const missing = check.ok ? packages.filter(name => !check.packages.includes(name)) : packages
  return missing.length > 0 && `there is no ${missing.join(', ')} in the system's Python`
}

/** Why Pyodide cannot be tested here, which has to work wherever it is installed. */
export async function pyodideSkip (): Promise<string | false> {
  try {
    require.resolve('pyodide/package.json')
    return false
  } catch {
    return 'the optional dependency pyodide is not installed'
  }
}
