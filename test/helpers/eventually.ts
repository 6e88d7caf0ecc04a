import { setImmediate } from 'node:timers/promises'
import { StorageUnavailableError } from '../../storage/record-store.js'

/** Repeats what fails while a store reconnects. */
export async function eventually<T> (attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error
      // What fails at once must leave time to what mends it.
      await setImmediate()
    }
  }
}
