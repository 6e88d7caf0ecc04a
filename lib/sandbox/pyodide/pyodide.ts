import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, constants, existsSync, openSync, readFileSync, unlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Duplex, Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { unlessAborted } from '../../shared/abort.js'
import type { StartedChild } from '../../shared/child-process.js'
import { RunnerSession, type RunnerProcess } from '../runner-session.js'
import type { Sandbox, SandboxCheck, SandboxLimits, SandboxSession, StartOptions } from '../sandbox.js'
import { selfTest } from '../self-test.js'
import { startPython } from '../start.js'
import { bubblewrapArguments, NOBODY } from '../bubblewrap/arguments.js'
import { BWRAP, lackOfBubblewrap, type BubblewrapOptions } from '../bubblewrap/bubblewrap.js'
import { BubblewrapProcess } from '../bubblewrap/process.js'
import { isOpenToAll, lockedNode, packagesOf, type PyodideWall } from './locked-node.js'

/** WebAssembly is compiled first. */
const START_MS = 60_000
/** Of Python's memory in WebAssembly. The rest of the process needs more. */
const WASM_BYTES = 1024 ** 3
const LOOK_MS = 250
const CONTROL = 3
const INTERRUPTS = 4
/** Descriptors behind those of the process itself. */
const ENCLOSED = { filter: 6, info: 7, interrupts: INTERRUPTS }
const PRLIMIT = '/usr/bin/prlimit'
/** The folder of the programs, and of what they import. */
const HERE = dirname(dirname(fileURLToPath(import.meta.url)))

export interface PyodideOptions {
  /** The folder of Pyodide: its files, and wheels that code may import. Default: that of the package `pyodide`. */
  folder?: string
}

/**
 * Python compiled to WebAssembly, in a Node process that has locked itself down. Runs wherever Node does, with the standard library alone.
 * No boundary of the kernel: a hole in V8 or in Node's permission model is a way out.
 */
export class PyodideSandbox implements Sandbox {
  readonly name: string
  readonly strength: 'process' | 'kernel'
  readonly defaultSessions = 4
  readonly #options: PyodideOptions
  readonly #sessions = new Set<SandboxSession>()
  /** An open file with the memory that sessions begin with. */
  #snapshot: Promise<number | 'ignore'> | undefined

  readonly #without: ReadonlySet<PyodideWall>

  readonly #bubblewrap: BubblewrapOptions | undefined

  /**
   * @param without walls that are left out, for tests of the walls; no option of the server comes here.
   * @param bubblewrap given: the process runs inside of bubblewrap, and the kernel holds it, too.
   */
  constructor (options: PyodideOptions = {}, without: ReadonlySet<PyodideWall> = new Set(), bubblewrap?: BubblewrapOptions) {
    this.#options = options
    this.#without = without
    this.#bubblewrap = bubblewrap
    this.name = bubblewrap === undefined ? 'pyodide' : 'bubblewrap-pyodide'
    this.strength = bubblewrap === undefined ? 'process' : 'kernel'
  }

  async check (): Promise<SandboxCheck> {
    const lack = this.#bubblewrap === undefined ? undefined : lackOfBubblewrap(this.#bubblewrap.bwrap ?? BWRAP)
    if (lack !== undefined) return { ok: false, reason: lack }
    const folder = this.#folder()
    if (folder === undefined) return { ok: false, reason: 'Pyodide is not installed: npm install pyodide@314.0.7.' }
    if (!existsSync(join(folder, 'pyodide.mjs'))) return { ok: false, reason: `There is no Pyodide in ${folder}.` }
    if (this.#bubblewrap !== undefined && process.getuid?.() === 0 && ![folder, HERE, process.execPath].every(isOpenToAll)) {
      return { ok: false, reason: `The user that ${this.name} runs as cannot read ${folder}, ${HERE} or ${process.execPath}: give all users read permission, or run the server as another user than root.` }
    }
    return await selfTest(this)
  }

  async start ({ limits, signal }: StartOptions): Promise<SandboxSession> {
    signal.throwIfAborted()
    const snapshot = await unlessAborted(this.#anySnapshot(), signal)
    const session = await RunnerSession.open(this.#spawn(limits, snapshot), limits, START_MS, signal)
    this.#sessions.add(session)
    session.ended.finally(() => this.#sessions.delete(session)).catch(() => {})
    return session
  }

  async close (): Promise<void> {
    await Promise.all([...this.#sessions].map(async session => await session.stop()))
    const snapshot = await this.#snapshot?.catch(() => undefined)
    this.#snapshot = undefined
    if (typeof snapshot === 'number') closeSync(snapshot)
  }

  /** One that could not be begun, for want of descriptors say, is no reason to begin without in future. */
  async #anySnapshot (): Promise<number | 'ignore'> {
    const making = this.#snapshot ??= this.#makeSnapshot()
    return await making.catch(() => {
      if (this.#snapshot === making) this.#snapshot = undefined
      return 'ignore' as const
    })
  }

  #folder (): string | undefined {
    if (this.#options.folder !== undefined) return this.#options.folder
    try {
      return dirname(createRequire(import.meta.url).resolve('pyodide/package.json'))
    } catch {
      return undefined
    }
  }

  #spawn (limits: SandboxLimits, snapshot: number | 'ignore'): RunnerProcess {
    const args = [String(Math.min(limits.memoryBytes, WASM_BYTES)), String(limits.dataBytes), [...this.#without].join()]
    if (this.#bubblewrap !== undefined) return this.#enclosed(limits, args, snapshot, this.#bubblewrap)
    return new PyodideProcess(this.#run('child.js', args, snapshot), limits)
  }

  /** The same process in namespaces of its own, behind the filter of system calls. */
  #enclosed (limits: SandboxLimits, args: readonly string[], snapshot: number | 'ignore', { bwrap = BWRAP, readable = [], uid = NOBODY }: BubblewrapOptions): RunnerProcess {
    const folder = this.#folder() ?? ''
    const { command } = this.#locked('child.js')
    const inside = [folder, HERE, ...packagesOf(HERE), process.execPath, ...readable].filter(path => !path.startsWith('/usr/') || path.startsWith('/usr/local/'))
    const walls = bubblewrapArguments({ limits, python: process.execPath, readable: inside, environment: {}, fds: ENCLOSED })
    // V8 reserves more addresses than there is memory: memory is bounded by WebAssembly and by the watch alone.
    const bounded = existsSync(PRLIMIT) ? [PRLIMIT, `--nproc=${limits.processes}`, `--nofile=${limits.openFiles}`, `--fsize=${limits.dataBytes}`, '--core=0'] : []
    const started = startPython(bwrap, [...walls, '--', ...bounded, process.execPath, ...command, folder, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', snapshot, 'pipe', 'pipe'],
      cwd: '/',
      env: {},
      ...process.getuid?.() === 0 ? { uid, gid: uid } : {}
    })
    return new BubblewrapProcess(started, limits, ENCLOSED)
  }

  /** A file without a name: nothing is left when this process is killed. `ignore` when no snapshot could be made. */
  async #makeSnapshot (): Promise<number | 'ignore'> {
    const [file, snapshot] = openUnnamed()
    let started: StartedChild
    try {
      started = this.#run('snapshot.js', [], 'ignore', file)
    } catch (error) {
      closeSync(snapshot)
      throw error
    } finally {
      closeSync(file)
    }
    const { child, pipes } = started
    for (const pipe of pipes) pipe?.on('error', () => {})
    child.stderr?.resume()
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS)
    const code = await new Promise(resolve => {
      child.on('error', resolve)
      child.on('close', resolve)
    })
    clearTimeout(timer)
    if (code === 0) return snapshot
    closeSync(snapshot)
    return 'ignore'
  }

  #locked (program: string): ReturnType<typeof lockedNode> {
    return lockedNode({ program: fileURLToPath(new URL(program, import.meta.url)), readable: [this.#folder() ?? '', HERE], without: this.#without })
  }

  #run (program: string, args: readonly string[], snapshot: number | 'ignore', output: number | 'pipe' = 'pipe'): StartedChild {
    const folder = this.#folder() ?? ''
    const { command, canDrop } = this.#locked(program)
    return startPython(process.execPath, [...command, folder, ...args], {
      stdio: ['ignore', output, 'pipe', 'pipe', 'pipe', snapshot],
      cwd: '/',
      env: {},
      ...canDrop ? { uid: NOBODY, gid: NOBODY } : {}
    })
  }
}

/** One file without a name, to write to and to read from. */
function openUnnamed (): [toWrite: number, toRead: number] {
  // Never has a name: O_TMPFILE of Linux, which not every file system knows.
  if (process.platform === 'linux') {
    try {
      const file = openSync(tmpdir(), 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR, 0o600)
      return [file, openAgain(file, `/proc/self/fd/${file}`)]
    } catch {
      // As elsewhere.
    }
  }
  const path = join(tmpdir(), `pyodide-${randomUUID()}`)
  const file = openSync(path, 'wx', 0o600)
  try {
    return [file, openAgain(file, path)]
  } finally {
    unlinkSync(path)
  }
}

/** Opens a file to read from. Closes it when that fails. */
function openAgain (file: number, path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    closeSync(file)
    throw error
  }
}

class PyodideProcess implements RunnerProcess {
  readonly output: Readable
  readonly control: Duplex
  readonly exited: Promise<string>
  readonly #child: ChildProcess
  readonly #interrupts: Writable
  #killed: string | undefined

  constructor ({ child, pipes }: StartedChild, limits: SandboxLimits) {
    this.#child = child
    this.output = child.stdout!
    this.control = pipes[CONTROL]!
    this.#interrupts = pipes[INTERRUPTS]!
    for (const pipe of pipes) pipe?.on('error', () => {})
    const errors: string[] = []
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      if (errors.length < 20) errors.push(piece)
    })
    const watch = setInterval(() => this.#look(limits), LOOK_MS).unref()
    this.exited = new Promise(resolve => {
      const end = (reason: string): void => {
        clearInterval(watch)
        this.control.destroy()
        this.#interrupts.destroy()
        resolve(this.#killed ?? reason)
      }
      child.on('error', error => end(error.message))
      child.on('close', (code, signal) => end(/^\s*(\w*Error: .*)$/m.exec(errors.join(''))?.[1] ?? `Python ended with ${signal ?? `status ${code}`}`))
    })
  }

  /** Only where the system tells: elsewhere the bounds of WebAssembly and of the heap are all there is. */
  #look (limits: SandboxLimits): void {
    let kilobytes = 0
    try {
      kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'latin1'))?.[1] ?? 0)
    } catch {
      return
    }
    if (kilobytes * 1024 > limits.memoryBytes) this.kill(`it used more than ${limits.memoryBytes} bytes of memory`)
  }

  interrupt (): void {
    if (this.#interrupts.writable) this.#interrupts.write('!')
  }

  kill (reason: string): void {
    this.#killed ??= reason
    this.#child.kill('SIGKILL')
  }
}
