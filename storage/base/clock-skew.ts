/** Clocks that are closer together do no harm: times have seconds, and expiries minutes. */
const TOLERATED_MS = 5000

/**
 * By how much the clock of this machine is ahead of the store's, in milliseconds: 0 as far as the round trip explains it, or the store
 * does not tell its time.
 *
 * @param ask the store's time, in milliseconds since the epoch; what fails in it is not the store's matter to report.
 */
export async function measureClockSkew (ask: () => Promise<number>, now: () => number = Date.now): Promise<number> {
  const from = now()
  const theirs = await ask().catch(() => undefined)
  const until = now()
  if (theirs === undefined || !Number.isFinite(theirs)) return 0
  // The store looked at its clock at some moment in between.
  const skew = theirs < from ? from - theirs : theirs > until ? until - theirs : 0
  return Math.abs(skew) < TOLERATED_MS ? 0 : skew
}

/** What the operator should know of it. */
export function clockWarnings (store: string, skewMs: number): string[] {
  if (skewMs === 0) return []
  return [`The clock of this machine is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} the clock of ${store}, which this server goes by for as long as it runs. Synchronise the clocks.`]
}
