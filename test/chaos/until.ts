import { setTimeout as pause } from 'node:timers/promises'

/** Asks until the answer is yes; an error counts as no. Throws when it has not come in time. */
export async function until (holds: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const from = performance.now()
  for (;;) {
    const [answer, error] = await holds().then(answer => [answer] as const, (error: unknown) => [false, error] as const)
    if (answer) return
    if (performance.now() - from > withinMs) throw new Error(`not within ${withinMs} ms: ${holds.toString()}`, { cause: error })
    await pause(20)
  }
}
