/**
 * Changes the compiled files of `targets.js` in small ways, one at a time, and runs the tests that ought to notice: `npm run test:mutation`,
 * or with the beginnings of some files' paths, `npm run test:mutation -- lib/shared/`; `-- --changed` takes those that have changed since, or whose
 * tests have. What no test notices, and is not in `survivors.json` with a reason, is printed, and what is there but is noticed, too; both fail, as
 * does a file of which less than 85 % is noticed. The results of each file are kept in `results.md`.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { percent, rows, stateOf, table } from './results.js'
import { targets } from './targets.js'
import { tryMutants } from './trials.js'

/** Of the changes of each file, in percent. */
const LEAST = 85

const ROOT = join(import.meta.dirname, '../..')
const SURVIVORS = new URL('./survivors.json', import.meta.url)
const RESULTS = new URL('./results.md', import.meta.url)

const compiled = file => file.replace(/\.ts$/, '.js')
const isSame = (a, b) => a.line === b.line && a.from === b.from && a.to === b.to
const print = text => process.stdout.write(`${text}\n`)

const wanted = process.argv.slice(2)
const known = JSON.parse(await readFile(SURVIVORS, 'utf8'))
const results = await rows(RESULTS)
const states = new Map()
for (const [file, tests] of Object.entries(targets)) states.set(file, await stateOf([`build/${compiled(file)}`, ...tests].map(path => join(ROOT, path))))

const isWanted = file => wanted.length === 0 || wanted.some(start => file.startsWith(start)) || (wanted.includes('--changed') && results.get(file)?.state !== states.get(file))

let isGood = true
function fail (text) {
  isGood = false
  print(text)
}

/** Tries the changes of a file and says what is wrong with its tests, or with the reasons. */
async function run (file) {
  const reasons = known.filter(entry => entry.file === file)
  const used = new Set()
  const began = performance.now()
  const row = { file, changes: 0, noticed: 0, timedOut: 0, explained: 0, seconds: 0, state: states.get(file) }
  const progress = (test, tried, of) => { if (tried % 20 === 0 || tried === of) process.stderr.write(`${file}, ${test}: ${tried} of ${of} tried\n`) }
  for (const { id, outcome, ...change } of await tryMutants(compiled(file), targets[file], progress)) {
    row.changes++
    if (outcome === 'noticed') row.noticed++
    else if (outcome === 'timed out') row.timedOut++
    else {
      const reason = reasons.find(entry => isSame(entry, change))
      if (reason === undefined) {
        fail(`${JSON.stringify({ file, ...change, reason: '' })},`)
        continue
      }
      used.add(reason)
      row.explained++
    }
  }
  for (const { reason, ...change } of reasons.filter(entry => !used.has(entry))) fail(`has a reason, and is noticed or is not there: ${JSON.stringify(change)}`)
  row.seconds = Math.round((performance.now() - began) / 1000)
  results.set(file, row)
  const text = `${file}: ${row.noticed + row.timedOut} of ${row.changes} noticed, ${percent(row).toFixed(1)} %, ${row.seconds} s`
  if (percent(row) < LEAST) fail(text)
  else print(text)
}

for (const { file } of known.filter(({ file }) => !(file in targets))) fail(`has reasons, and is not changed: ${file}`)
for (const file of Object.keys(targets).filter(isWanted)) {
  await run(file).catch(error => fail(`${file}: ${error.message}`))
  await writeFile(RESULTS, table(results, states, LEAST))
}
if (!isGood) process.exitCode = 1
