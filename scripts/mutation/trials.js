import { fork } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { bundle } from './bundle.js'
import { EXIT_LOOPS } from './exit-codes.js'
import { withMutants } from './mutants.js'

/** @typedef {import('./mutants.js').Mutant & { outcome: 'noticed' | 'timed out' | 'survived' }} Tried */
/** @typedef {import('./inside.js').Task} Task */
/** @typedef {Omit<Partial<import('./inside.js').Report>, 'cut'> & { cut?: 'waits' | 'hangs' | 'late' | 'throws' | 'loops' | 'computes' | 'dies' }} Run */

/** Processes at once. */
const AT_ONCE = 2
/** A process tries so many mutants. */
const MUTANTS_EACH = 25
/** A process may do nothing for this long, in milliseconds, and several times as long as it does without a mutant. */
const PATIENCE_MS = 1500
const TIMES_IDLE = 4
/** The same for one that has nothing to wait for. */
const NOTHING_MS = 250
const TIMES_NOTHING = 2
/** It may compute for this long, in seconds, and several times as long as without a mutant: how busy the machine is makes no difference to that. */
const CPU_SECONDS = 2
const TIMES_CPU = 3
/** Without a mutant, in seconds of computing. */
const DRY_CPU_SECONDS = 120
/** What earlier mutants have left behind in a process may keep it busy, so that it is never seen to hang: it may take this long, in milliseconds, and several times as long as without a mutant. */
const MOST_MS = 5000
const TIMES_MS = 5
/** A mutant may be reached this often, and many times as often as without it. */
const HITS = 1000
const TIMES_HIT = 100

const BUILD = join(import.meta.dirname, '../../build')
const INSIDE = join(import.meta.dirname, 'inside.js')

/** Runs the tests of a bundle, in one process after another. */
class Runner {
  #path
  #child
  #runs = 0

  /** @param {string} path */
  constructor (path) {
    this.#path = path
  }

  /** Whether the next run is the first one of its process. */
  get isFresh () {
    return this.#child === undefined
  }

  /**
   * @param {Task} task
   * @returns {Promise<Run>}
   */
  async run (task) {
    // Tap ends what takes half a minute, which on a busy machine anything may.
    this.#child ??= fork(INSIDE, [this.#path], { stdio: 'ignore', execArgv: ['--max-old-space-size=768'], env: { ...process.env, TAP_TIMEOUT: '0' } })
    const child = this.#child
    const run = await new Promise(resolve => {
      // Tap sends messages of its own.
      child.on('message', ({ report }) => { if (report !== undefined) resolve(report) })
      child.once('exit', (code, signal) => resolve({ ok: false, cut: code === EXIT_LOOPS ? 'loops' : signal === 'SIGKILL' ? 'computes' : 'dies' }))
      child.send(task)
    })
    child.removeAllListeners()
    // What was cut may still be at work, unless nothing will happen any more.
    if ((run.cut !== undefined && run.cut !== 'waits') || ++this.#runs === MUTANTS_EACH) this.stop()
    return run
  }

  /** Ends the process; the next run has another one. */
  stop () {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
    this.#runs = 0
  }
}

/** The tests of a file: what they do without a mutant, and whether they notice one. */
class TestFile {
  /** Path of the bundle. */
  path
  #tests
  #coverage
  #cpuSeconds
  #idleMs
  #tookMs
  /** How many mutants each has noticed. */
  #noticed

  static async open (test, file, code, path) {
    await bundle({ test: join(BUILD, '..', test), file, code, to: path })
    const opened = new TestFile()
    opened.path = path
    const runner = new Runner(path)
    try {
      await opened.#runDry(test, runner)
    } finally {
      runner.stop()
    }
    return opened
  }

  async #runDry (test, runner) {
    const dry = async task => {
      const run = await runner.run({ ...task, cpuSeconds: DRY_CPU_SECONDS })
      if (!run.ok) throw new Error(`${test} fails without a change: ${run.cut ?? ''}\n${run.output ?? ''}`)
      return run
    }
    const forwards = await dry({})
    this.#tests = Array.from({ length: forwards.tests }, (_, place) => place)
    // Tests that pass behind and before each of the others pass in any selection and order.
    const backwards = await dry({ tests: this.#tests.toReversed() })
    this.#coverage = forwards.coverage
    this.#cpuSeconds = Math.max(forwards.cpuSeconds, backwards.cpuSeconds)
    this.#idleMs = Math.max(forwards.idleMs, backwards.idleMs)
    this.#tookMs = Math.max(forwards.tookMs, backwards.tookMs)
    this.#noticed = this.#tests.map(() => 0)
  }

  /** How often a mutant could have been reached by each test that reaches it. What is reached while the file is loaded all of them reach. */
  #hits (id) {
    const { static: loading, perTest } = this.#coverage
    return new Map(this.#tests.flatMap(test => {
      const count = (loading[id] ?? 0) + (perTest[test]?.[id] ?? 0)
      return count > 0 ? [[test, count]] : []
    }))
  }

  /** What becomes of a mutant. */
  async ask (mutant, runner) {
    const hits = this.#hits(mutant.id)
    if (hits.size === 0) return 'survived'
    /** @type {Task} */
    const task = {
      mutant: mutant.id,
      // First those that have noticed the most.
      tests: [...hits.keys()].sort((a, b) => this.#noticed[b] - this.#noticed[a] || a - b),
      mostHits: Math.max(HITS, TIMES_HIT * [...hits.values()].reduce((sum, count) => sum + count)),
      cpuSeconds: CPU_SECONDS + TIMES_CPU * this.#cpuSeconds,
      patienceMs: PATIENCE_MS + TIMES_IDLE * this.#idleMs,
      nothingMs: NOTHING_MS + TIMES_NOTHING * this.#idleMs
    }
    const { isFresh } = runner
    let run = await runner.run(isFresh ? task : { ...task, mostMs: MOST_MS + TIMES_MS * this.#tookMs })
    // On a busy machine a process waits for others, and what earlier mutants have left behind may throw: what is cut has to be so twice.
    if (run.cut === 'hangs' || (run.cut !== undefined && run.cut !== 'waits' && !isFresh)) run = await runner.run({ ...task, patienceMs: 2 * task.patienceMs })
    if (run.ok) return 'survived'
    if (run.test !== undefined) this.#noticed[run.test]++
    return run.cut === undefined || run.cut === 'throws' || run.cut === 'dies' ? 'noticed' : 'timed out'
  }
}

/**
 * Tries all mutants of a compiled file, each with those tests that reach it, until one fails.
 * @param {string} file relative to the build folder
 * @param {string[]} tests the compiled test files, in the order in which they are asked
 * @param {(test: string, tried: number, of: number) => void} onTried
 * @returns {Promise<Tried[]>}
 * @throws if a test fails without a mutant
 */
export async function tryMutants (file, tests, onTried) {
  const path = join(BUILD, file)
  const { code, mutants } = await withMutants(path, await readFile(path, 'utf8'))
  const home = join(BUILD, '.mutation')
  await mkdir(home, { recursive: true })
  const folder = await mkdtemp(`${home}/`)
  const outcomes = new Map(mutants.map(mutant => [mutant, 'survived']))
  try {
    for (const test of tests) {
      const opened = await TestFile.open(test, path, code, join(folder, `${basename(test, '.test.js')}.cjs`))
      const left = mutants.filter(mutant => outcomes.get(mutant) === 'survived')
      const waiting = left.values()
      let tried = 0
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        const runner = new Runner(opened.path)
        for (const mutant of waiting) {
          outcomes.set(mutant, await opened.ask(mutant, runner))
          onTried(test, ++tried, left.length)
        }
        runner.stop()
      }))
    }
  } finally {
    await rm(folder, { recursive: true })
  }
  return mutants.map(mutant => ({ ...mutant, outcome: outcomes.get(mutant) }))
}
