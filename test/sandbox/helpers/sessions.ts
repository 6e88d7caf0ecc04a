import type { Test } from 'tap'
import { DEFAULT_SANDBOX_LIMITS, type Sandbox, type SandboxLimits, type SandboxSession } from '../../../lib/sandbox/sandbox.js'

/** A session that ends with the test. */
export async function startSession (t: Test, sandbox: Sandbox, limits: Partial<SandboxLimits> = {}): Promise<SandboxSession> {
  const session = await sandbox.start({ limits: { ...DEFAULT_SANDBOX_LIMITS, ...limits }, signal: new AbortController().signal })
  t.teardown(async () => await session.stop())
  return session
}

/** What a call prints, and `died: …` when it ends its session. */
export async function textOf (session: SandboxSession, code: string, timeoutMs = 20_000): Promise<string> {
  let text = ''
  for await (const event of session.execute(code, { timeoutMs, signal: new AbortController().signal })) {
    if (event.type === 'text') text += event.text
    if (event.type === 'done' && event.status === 'died') text += `died: ${event.detail}`
  }
  return text
}
