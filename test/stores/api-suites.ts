import { t, test } from 'tap'

/**
 * The API tests that ask the most of a store. `npm test` runs all of them on SQLite, and these on those that are servers of their own too; `npm run
 * test:stores` runs all of them on all stores.
 */
const SUITES = [
  // Pages in either order, from either side of a cursor, of objects of the same second.
  'lists',
  // An index beside the list (the messages of a run), the largest text, unusual characters.
  'messages',
  // Several records in one write, each on its condition, and many who write at once.
  'locks',
  'races',
  // A run with its steps, message, lock and lease from beginning to end.
  'run-life',
  // What was kept is there for the next process.
  'restart'
]

/** Runs them in this process, one after the other: to start one for each would take as long as the tests. */
export async function runApiSuites (store: 'redis' | 'postgres', skip: string | false): Promise<void> {
  if (skip !== false) {
    test(`the API on ${store}`, { skip }, () => {})
    return
  }
  // Of all suites together.
  t.setTimeout(300_000)
  process.env.TEST_STORE = store
  for (const suite of SUITES) await import(`../api/${suite}.test.js`)
}
