const PAUSE_MS = 10

/** How much later than it should a timer fires just now, in milliseconds: what a request waits for before anything looks at it. */
export async function loopLagMs (): Promise<number> {
  const from = performance.now()
  await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  return Math.round(Math.max(performance.now() - from - PAUSE_MS, 0) * 10) / 10
}
