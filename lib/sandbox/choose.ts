import { BubblewrapSandbox, type BubblewrapOptions } from './bubblewrap/bubblewrap.js'
import type { Sandbox, SandboxCheck } from './sandbox.js'

/** Ways to isolate code that a server has without more configuration, the strongest first. */
export const BACKENDS = ['bubblewrap'] as const
export type Backend = typeof BACKENDS[number]

export interface SandboxChoice {
  /** Default: the first that passes its self-test. */
  backend: 'auto' | Backend | Sandbox
  bubblewrap: BubblewrapOptions
}

export type ChosenSandbox = { ok: true, sandbox: Sandbox, check: SandboxCheck & { ok: true } } | { ok: false, reason: string }

/** The sandbox that works here. Never rejects; those that do not work are closed. */
export async function chooseSandbox (choice: SandboxChoice): Promise<ChosenSandbox> {
  const reasons: string[] = []
  for (const sandbox of candidates(choice)) {
    const check = await sandbox.check()
    if (check.ok) return { ok: true, sandbox, check }
    reasons.push(check.reason)
    await sandbox.close().catch(() => {})
  }
  return { ok: false, reason: reasons.join(' ') }
}

/** What a choice may come to, in the order in which it is tried. */
export function candidates ({ backend, bubblewrap }: SandboxChoice): Sandbox[] {
  if (typeof backend === 'object') return [backend]
  return BACKENDS.filter(name => backend === 'auto' || backend === name).map(() => new BubblewrapSandbox(bubblewrap))
}
