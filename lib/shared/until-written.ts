/** Other writers changed the record between each read and write. */
export class ContentionError extends Error {
  override name = 'ContentionError'
}

/** More than any honest race needs; fewer than would hang a request. */
const ATTEMPTS = 50

/**
 * Reads, decides and writes until the write is not overtaken. `attempt` reads anew each time, throws what the
 * caller needs, and returns undefined when its write lost the race.
 */
export async function untilWritten<T> (attempt: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < ATTEMPTS; i++) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new ContentionError(`lost ${ATTEMPTS} races for one record`)
}
