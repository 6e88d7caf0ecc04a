/**
 * A process that runs the tests of a bundle (its only argument) over and over, each time with another mutant. Everything in the bundle is made anew
 * for that, so what an earlier mutant has left behind works on with its own objects and its own mutant. A message is a `Task`, and is answered by a `Report`.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'
import * as tap from 'tap'
import { EXIT_LOOPS } from './exit-codes.js'

/**
 * @typedef {object} Task
 * @property {string} [mutant] id of the one that is switched on
 * @property {number[]} [tests] those that run, by their places in the file, in this order; all of them unless given
 * @property {number} [mostHits] a mutant that is reached more often than this makes a loop without an end
 * @property {number} cpuSeconds the process is killed when it has computed for longer
 * @property {number} [patienceMs] a process that does nothing for this long hangs
 * @property {number} [nothingMs] one that does nothing for this long, and has nothing to wait for, waits
 * @property {number} [mostMs] what takes longer is late
 */

/**
 * @typedef {object} Report
 * @property {boolean} ok whether the tests passed
 * @property {'waits' | 'hangs' | 'late' | 'throws'} [cut] what kept them from their end. One that waits does so for nothing: no timer, no socket, no process, so
 * that nothing will ever happen. What is thrown outside of a test may come from an earlier mutant
 * @property {number} test the one that ran last
 * @property {number} tests how many the file has
 * @property {{ static: Record<string, number>, perTest: Record<string, Record<string, number>> }} coverage how often each mutant could have been reached, while the file was loaded and by each test
 * @property {number} idleMs the longest time for which the process did nothing
 * @property {number} tookMs
 * @property {number} cpuSeconds for how long it computed
 * @property {string} output TAP
 */

/** How often the process is looked at, in milliseconds. */
const LOOK_MS = 100
/** What looking costs at the most, in milliseconds. */
const OWN_MS = 5

const [path] = process.argv.slice(2)
const load = new vm.Script(`(function (require, module, exports) {${readFileSync(path, 'utf8')}\n})`, {
  filename: path, importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
}).runInThisContext()
const require = createRequire(path)

/** Ends the process when it has computed for longer than `limit[0]` milliseconds, even where it comes to nothing else. */
const limit = new Float64Array(new SharedArrayBuffer(8))
limit[0] = Infinity
new Worker(`const { workerData } = require('node:worker_threads')
setInterval(() => {
  const { user, system } = process.cpuUsage()
  if ((user + system) / 1000 > workerData[0]) process.kill(process.pid, 'SIGKILL')
}, ${LOOK_MS})`, { eval: true, workerData: limit }).unref()

const computedMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Ends the running of tests with what is given. */
let end = () => {}
process.on('uncaughtException', error => end({ cut: 'throws', output: String(error?.stack ?? error) }))

let runs = 0

/** @param {Task} task */
async function run (task) {
  const from = performance.now()
  const began = computedMs()
  limit[0] = began + 1000 * task.cpuSeconds
  const mutation = globalThis.__stryker__ = { activeMutant: task.mutant, mutantCoverage: { static: {}, perTest: {} } }
  if (task.mostHits !== undefined) {
    let hits = 0
    mutation.hitLimit = Infinity
    // It counts up at each hit. An error in that place might be caught by the very loop.
    Object.defineProperty(mutation, 'hitCount', { get: () => hits, set: count => { if ((hits = count) > task.mostHits) process.exit(EXIT_LOOPS) } })
  }

  const tests = []
  let current = 0
  const test = (name, ...rest) => {
    const place = tests.length
    const of = rest.pop()
    tests.push([name, ...rest, async t => {
      current = place
      mutation.currentTestId = String(place)
      return await of(t)
    }])
  }
  const root = new tap.Test({ name: 'tests', bail: true })
  const teardowns = []
  const teardown = work => { teardowns.push(work) }
  // A folder of its own: what an earlier mutant has left behind may still be at work in another.
  root.testdirName = `.tap/fixtures/mutation-${process.pid}-${++runs}`
  let output = ''
  root.on('data', text => { output += text })
  const t = new Proxy(root, { get: (target, name) => name === 'test' ? test : name === 'teardown' ? teardown : target[name]?.bind?.(target) ?? target[name] })

  let idleMs = 0
  const ended = new Promise(resolve => {
    end = resolve
    root.on('bailout', () => resolve({}))
    root.on('complete', () => resolve({ ok: root.results.ok }))
  })
  let since = performance.eventLoopUtilization()
  let idle = 0
  const looking = setInterval(() => {
    const now = performance.eventLoopUtilization()
    const { active, idle: waited } = performance.eventLoopUtilization(now, since)
    since = now
    idle = active < OWN_MS ? idle + waited : 0
    idleMs = Math.max(idleMs, idle)
    if (idle > (task.patienceMs ?? Infinity)) end({ cut: 'hangs' })
    // The channel to the parent is one.
    else if (idle > (task.nothingMs ?? Infinity) && process.getActiveResourcesInfo().length === 1) end({ cut: 'waits' })
    else if (performance.now() - from > (task.mostMs ?? Infinity)) end({ cut: 'late' })
  }, LOOK_MS).unref()

  const module = { exports: {} }
  const made = { ...tap, test, t, teardown, default: t, __esModule: true }
  load(name => name === 'tap' ? made : require(name), module, module.exports)
  for (const place of task.tests ?? tests.keys()) root.test(...tests[place])
  root.end()
  const result = await ended
  for (const work of teardowns) await Promise.resolve(work()).catch(() => {})
  clearInterval(looking)
  // What is left behind may keep the process from ever taking the next task: it is killed then, and the task has another one.
  limit[0] = computedMs() + 1000 * task.cpuSeconds
  return { ok: false, output, ...result, test: current, tests: tests.length, coverage: mutation.mutantCoverage, idleMs, tookMs: performance.now() - from, cpuSeconds: (computedMs() - began) / 1000 }
}

process.on('message', task => {
  const thrown = error => ({ ok: false, cut: 'throws', output: String(error.stack) })
  run(task).catch(thrown).then(report => process.send({ report })).catch(() => process.exit(1))
})
