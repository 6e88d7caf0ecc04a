import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/**
 * @typedef {object} Row What came of a file.
 * @property {string} file
 * @property {number} changes
 * @property {number} noticed by a test that failed
 * @property {number} timedOut noticed, since a test did not come to its end
 * @property {number} explained not noticed, for a reason
 * @property {number} seconds
 * @property {string} state of the file and its tests: see `stateOf`
 */

const ROW = /^\| `(\S+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| [\d.]+ % \| (\d+) s \| `(\w+)` \|$/gm

/** The rows that a page of results has, by file; none when there is no page. */
export async function rows (page) {
  const text = await readFile(page, 'utf8').catch(() => '')
  return new Map([...text.matchAll(ROW)].map(([, file, changes, noticed, timedOut, explained, seconds, state]) =>
    [file, { file, changes: Number(changes), noticed: Number(noticed), timedOut: Number(timedOut), explained: Number(explained), seconds: Number(seconds), state }]))
}

/** Of the changes of a file, how many are noticed, in percent. */
export const percent = ({ changes, noticed, timedOut }) => 100 * (noticed + timedOut) / changes

/** Stands for what some files are made of: results with another one are those of an earlier state. */
export async function stateOf (files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 8)
}

const line = row =>
  `| \`${row.file}\` | ${row.changes} | ${row.noticed} | ${row.timedOut} | ${row.explained} | ${percent(row).toFixed(1)} % | ${row.seconds} s | \`${row.state}\` |`

const list = files => files.map(file => `\`${file}\``).join(', ')

/**
 * The page. Files that were not run are named, and those that have changed since.
 * @param {Map<string, Row>} results
 * @param {Map<string, string>} states as they are, by file
 * @param {number} least in percent
 */
export function table (results, states, least) {
  const files = [...states.keys()]
  const missing = files.filter(file => !results.has(file))
  const stale = files.filter(file => results.has(file) && results.get(file).state !== states.get(file))
  return `# Mutation tests

Written by \`npm run test:mutation\`, which changes the files in which a fault loses data or locks a thread, one small piece at a time, and runs the tests that
ought to notice: at least ${least} % of the changes in each file have to be noticed, by a test that fails or, where it says so, by one that does not come to its
end. Those that are not noticed have their reasons in \`scripts/mutation/survivors.json\`. The state stands for the file and its tests as they were.

| File | Changes | A test fails | A test does not end | Not noticed, for a reason | Noticed | Took | State |
|---|---|---|---|---|---|---|---|
${files.filter(file => results.has(file)).map(file => line(results.get(file))).join('\n')}
${missing.length === 0 ? '' : `\nNot run yet: ${list(missing)}.\n`}${stale.length === 0 ? '' : `\nChanged since: ${list(stale)}.\n`}`
}
