/**
 * Changes the compiled files of `targets.js` in small ways, one at a time, and runs the tests that ought to notice: `npm run test:mutation`,
 * or with the beginnings of some files' paths, `npm run test:mutation -- lib/shared/`. What no test notices, and is not in `survivors.json`
 * with a reason, is printed; a file of which less than 85 % is noticed fails. The results of each file are kept in `results.md`.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { Stryker } from '@stryker-mutator/core'
import { rows, table } from './results.js'
import { targets } from './targets.js'

/** Of the mutants of each file, in percent. */
const LEAST = 85

const SURVIVORS = new URL('./survivors.json', import.meta.url)
const RESULTS = new URL('./results.md', import.meta.url)

const compiled = file => `build/${file.replace(/\.ts$/, '.js')}`

/** The mutants of one file. */
async function mutate (file, tests) {
  const stryker = new Stryker({
    configFile: 'scripts/mutation/stryker.config.json',
    mutate: [compiled(file)],
    tap: { testFiles: tests, forceBail: true },
    fileLogLevel: 'off'
  })
  return await stryker.runMutationTest()
}

/** What the mutant makes of which piece of the file. */
function describe (mutant, source) {
  const lines = source.split('\n')
  const { start, end } = mutant.location
  // Both count from 1.
  const piece = lines.slice(start.line - 1, end.line)
  piece[piece.length - 1] = piece.at(-1).slice(0, end.column - 1)
  piece[0] = piece[0].slice(start.column - 1)
  return { line: lines[start.line - 1].trim(), from: piece.join('\n'), to: mutant.replacement }
}

const isSame = (a, b) => a.file === b.file && a.line === b.line && a.from === b.from && a.to === b.to

const known = JSON.parse(await readFile(SURVIVORS, 'utf8'))
const wanted = process.argv.slice(2)
const results = await rows(RESULTS)
let isGood = true
for (const [file, tests] of Object.entries(targets)) {
  if (wanted.length > 0 && !wanted.some(start => file.startsWith(start))) continue
  const began = performance.now()
  const all = await mutate(file, tests).catch(error => { process.stdout.write(`${file}: ${error.message}\n`) })
  if (all === undefined) {
    isGood = false
    continue
  }
  const mutants = all.filter(({ status }) => !['Ignored', 'CompileError', 'RuntimeError'].includes(status))
  const source = await readFile(compiled(file), 'utf8')
  const survivors = mutants.filter(({ status }) => status !== 'Killed' && status !== 'Timeout').map(mutant => ({ file, ...describe(mutant, source) }))
  const unexplained = survivors.filter(survivor => !known.some(other => isSame(survivor, other)))
  const row = { file, mutants: mutants.length, caught: mutants.length - survivors.length, explained: survivors.length - unexplained.length, seconds: Math.round((performance.now() - began) / 1000) }
  results.set(file, row)
  const percent = 100 * row.caught / row.mutants
  if (percent < LEAST || unexplained.length > 0) isGood = false
  process.stdout.write(`${file}: ${row.caught} of ${row.mutants} noticed, ${percent.toFixed(1)} %, ${row.seconds} s\n`)
  for (const { line, from, to } of unexplained) process.stdout.write(`${JSON.stringify({ file, line, from, to, reason: '' })},\n`)
  await writeFile(RESULTS, table(results, Object.keys(targets), LEAST))
}
if (!isGood) process.exitCode = 1
