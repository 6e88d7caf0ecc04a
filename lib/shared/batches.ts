/** Lets others have the event loop before the work goes on. */
export async function turnOfTheLoop (): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

/** Enough to keep a store busy, and few enough to leave it to others. */
const AT_ONCE = 32

/**
 * Does the work for every item, a few at a time, with a turn of the event loop in between: a store in this process answers without one,
 * and a long list would hold up everybody else. The results are in the order of the items.
 */
export async function mapInBatches<T, R> (items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    if (from > 0) await turnOfTheLoop()
    results.push(...await Promise.all(items.slice(from, from + AT_ONCE).map(work)))
  }
  return results
}
