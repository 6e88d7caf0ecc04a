/** Clocks that are further apart show in times and expiries. Leases do not depend on them. */
const TOLERATED_MS = 5000

/**
 * A warning for the operator when the clock of this machine differs from the store's.
 *
 * @param ask the store's time, in milliseconds since the epoch; what fails in it is not the store's matter to report.
 */
export async function clockWarnings (store: string, ask: () => Promise<number>, now: () => number = Date.now): Promise<string[]> {
  const from = now()
  const theirs = await ask().catch(() => undefined)
  const until = now()
  if (theirs === undefined) return []
  // The store looked at its clock at some moment in between.
  const skew = theirs < from ? from - theirs : theirs > until ? until - theirs : 0
  if (Math.abs(skew) < TOLERATED_MS) return []
  return [`The clock of this machine is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} the clock of ${store}: runs and files expire that much too ${skew > 0 ? 'early' : 'late'}. Synchronise the clocks.`]
}
