import { AsyncLocalStorage } from 'node:async_hooks'

/** What has become of the writes of one request. */
export interface WriteWatch {
  /** Whether one was carried out, or may have been. Entries of indexes do not count: they may point at nothing. */
  mayHaveWritten: boolean
}

const watches = new AsyncLocalStorage<WriteWatch>()

/** Watches the writes of all that `work` begins. */
export function watchWrites (watch: WriteWatch, work: () => void): void {
  watches.run(watch, work)
}

/** Tells those who watch that something was written, or may have been. */
export function noteWrite (): void {
  const watch = watches.getStore()
  if (watch !== undefined) watch.mayHaveWritten = true
}
