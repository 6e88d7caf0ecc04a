import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { SETTINGS } from '../../lib/cli/settings.js'
import { built } from '../helpers/paths.js'
import { LEASE_MS } from './times.js'

/** Attempts to start an instance. */
const MOST_LAUNCHES = 5

export interface FleetOptions {
  /** The storage's URL. */
  storage: string
  /** Of the model vendor, ends in `/v1`. */
  upstream: string
  size: number
  /** By which the clock of each instance is off, in milliseconds. */
  clocks?: readonly number[]
  /** The command line of the version under test. Default: the one that was built with the tests. */
  server?: string | undefined
}

export interface Instance {
  child: ChildProcess
  /** Ends in `/v1`; undefined until it listens, and once its process has ended. */
  address: string | undefined
}

/** The server's processes, as users run them. */
export class Fleet {
  readonly instances: Instance[] = []
  /** Processes that ended without being asked to, each with the last of what it said. */
  readonly ended: string[] = []
  /** Promises that were rejected, and errors that were thrown, with no one to catch them. */
  readonly unhandled: string[] = []
  readonly #options: FleetOptions
  readonly #folder: string
  readonly #expected = new Set<ChildProcess>()

  private constructor (t: Test, options: FleetOptions) {
    this.#options = options
    this.#folder = mkdtempSync(join(tmpdir(), 'openai-compat-chaos-'))
    writeFileSync(join(this.#folder, 'openai-compat.config.json'), JSON.stringify({
      closeGraceMs: 1000, limits: { leaseMs: LEASE_MS, maxTakeovers: 100 }, retrieval: { leaseMs: LEASE_MS }
    }))
    t.teardown(async () => {
      await Promise.all(this.instances.map(async ({ child }) => { await this.kill(child) }))
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
    })
  }

  /** Starts all instances, and resolves when they listen. */
  static async start (t: Test, options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(t, options)
    await Promise.all(Array.from({ length: options.size }, async (_, index) => { await fleet.launch(index) }))
    return fleet
  }

  get addresses (): string[] {
    return this.instances.flatMap(({ address }) => address ?? [])
  }

  /**
   * Starts the instance of this place, again when there was one. Resolves when it listens. One that does not start, because the store is
   * slower than its timeout, is started again, as by an orchestrator.
   */
  async launch (index: number): Promise<void> {
    for (let left = MOST_LAUNCHES; ; left--) {
      try {
        return await this.#launchOnce(index)
      } catch (error) {
        if (left === 1) throw error
      }
    }
  }

  async #launchOnce (index: number): Promise<void> {
    const { server = join(built, 'lib/cli.js'), storage, upstream, clocks = [] } = this.#options
    const hidden = Object.fromEntries(Object.values(SETTINGS).map(setting => [setting.env, undefined]))
    const child = spawn(process.execPath, [
      '--import', join(built, 'test/chaos/preload.js'), server,
      '--port', '0', '--storage', storage, '--base-url', upstream, '--upstream-key', 'sk-test', '--log-level', 'error'
    ], { cwd: this.#folder, env: { ...process.env, ...hidden, CHAOS_CLOCK_MS: String(clocks[index] ?? 0) } })
    const instance: Instance = { child, address: undefined }
    this.instances[index] = instance
    let last = ''
    createInterface(child.stderr).on('line', line => {
      last = line
      if (line.startsWith('{"chaos"')) this.unhandled.push(line)
    })
    child.once('exit', (code, signal) => {
      const wasReady = instance.address !== undefined
      instance.address = undefined
      if (wasReady && !this.#expected.has(child)) this.ended.push(`exit ${code ?? signal}: ${last}`)
    })
    const lines = createInterface(child.stdout)
    instance.address = await new Promise<string>((resolve, reject) => {
      lines.on('line', line => {
        const url = /listens on (http:\S+)/.exec(line)?.[1]
        if (url !== undefined) resolve(url)
      })
      child.once('close', () => reject(new Error(`an instance did not start: ${last}`)))
    })
  }

  /** `kill -9`, also of a process that is stopped. */
  async kill (child: ChildProcess): Promise<void> {
    await this.#end(child, 'SIGKILL')
  }

  /** SIGTERM, as an orchestrator sends it. */
  async terminate (child: ChildProcess): Promise<void> {
    await this.#end(child, 'SIGTERM')
  }

  /** As `terminate`, but one that has not ended after so many milliseconds is killed, as orchestrators do: then it resolves to false. */
  async endsWithin (child: ChildProcess, ms: number): Promise<boolean> {
    const late = setTimeout(() => child.kill('SIGKILL'), ms)
    await this.terminate(child)
    clearTimeout(late)
    return child.signalCode !== 'SIGKILL'
  }

  async #end (child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    this.#expected.add(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    // A load balancer sends nothing more to an instance that ends.
    for (const instance of this.instances) if (instance.child === child) instance.address = undefined
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}
