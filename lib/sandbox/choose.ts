import { BubblewrapSandbox, type BubblewrapOptions } from './bubblewrap/bubblewrap.js'
import { E2bSandbox, type E2bOptions } from './e2b/e2b.js'
import { PyodideSandbox, type PyodideOptions } from './pyodide/pyodide.js'
import type { Sandbox, SandboxCheck } from './sandbox.js'

/** Ways to isolate code that a server has without more configuration, the strongest first. */
const LOCAL = ['bubblewrap', 'bubblewrap-pyodide', 'pyodide'] as const
/** Those, and what has to be asked for by name. */
export const BACKENDS = [...LOCAL, 'e2b'] as const
export type Backend = typeof BACKENDS[number]

export interface SandboxChoice {
  /** `auto`: the first that passes its self-test. */
  backend: 'auto' | Backend | Sandbox
  bubblewrap: BubblewrapOptions
  pyodide: PyodideOptions
  e2b?: E2bOptions
  /** Whether `auto` may come to a sandbox that the kernel does not enforce. */
  allowWeak: boolean
}

export type ChosenSandbox = { ok: true, sandbox: Sandbox, check: SandboxCheck & { ok: true } } | { ok: false, reason: string }

/** The sandbox that works here. Never rejects; those that do not work are closed. */
export async function chooseSandbox (choice: SandboxChoice): Promise<ChosenSandbox> {
  const reasons: string[] = []
  for (const sandbox of candidates(choice)) {
    if (choice.backend === 'auto' && sandbox.strength === 'process' && !choice.allowWeak) {
      reasons.push(`${sandbox.name} is no boundary that the kernel enforces, and this server has several projects: ask for it by name, or set "allowWeak".`)
      continue
    }
    const check = await sandbox.check()
    if (check.ok) return { ok: true, sandbox, check }
    reasons.push(check.reason)
    await sandbox.close().catch(() => {})
  }
  return { ok: false, reason: reasons.join(' ') }
}

/** What a choice may come to, in the order in which it is tried. */
export function candidates ({ backend, bubblewrap, pyodide, e2b }: SandboxChoice): Sandbox[] {
  if (typeof backend === 'object') return [backend]
  const all: Record<Backend, () => Sandbox> = {
    bubblewrap: () => new BubblewrapSandbox(bubblewrap),
    'bubblewrap-pyodide': () => new PyodideSandbox(pyodide, new Set(), bubblewrap),
    pyodide: () => new PyodideSandbox(pyodide),
    e2b: () => new E2bSandbox(e2b)
  }
  return (backend === 'auto' ? LOCAL : [backend]).map(name => all[name]())
}
