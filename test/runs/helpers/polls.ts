import type { ManualClock } from '../../helpers/clock.js'
import { settle } from './core.js'

/** How often instances look for what another one has written, in milliseconds. */
export const POLL_MS = 1000

/** Lets time go by in polls. */
export async function polls (clock: ManualClock, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await settle()
    await clock.advance(POLL_MS)
  }
  await settle()
}
