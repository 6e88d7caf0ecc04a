import type { Clock } from './clock.js'
import { settlesWithin } from './timers.js'

/** A store that takes longer than this to say anything at all, while a server stops, is not waited for. In milliseconds. */
const ANSWERS_WITHIN_MS = 1000

/**
 * Waits for work that needs a store as long as the store answers: each of many steps may hang for the store's whole timeout, and a server
 * that stops has seconds in all.
 *
 * @param ask asks the store something small.
 * @returns whether the work has ended and the store answers. False: it does not. Work that has not ended goes on, and what becomes of it is
 * not reported.
 * @throws what the work throws.
 */
export async function whileAnswering (clock: Clock, work: Promise<unknown>, ask: () => Promise<unknown>): Promise<boolean> {
  for (;;) {
    let answered = false
    const asked = ask().then(() => { answered = true }, () => {})
    if (await settlesWithin(clock, ANSWERS_WITHIN_MS, Promise.allSettled([work, asked]))) {
      await work
      return answered
    }
    if (answered) continue
    work.catch(() => {})
    return false
  }
}
