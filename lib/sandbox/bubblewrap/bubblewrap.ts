import { existsSync } from 'node:fs'
import { CPYTHON } from '../python/cpython.js'
import { RunnerSession, type RunnerProcess } from '../runner-session.js'
import type { Sandbox, SandboxCheck, SandboxLimits, SandboxSession, StartOptions } from '../sandbox.js'
import { selfTest } from '../self-test.js'
import { startPython } from '../start.js'
import { bubblewrapArguments, NOBODY, type Wall } from './arguments.js'
import { BubblewrapProcess } from './process.js'
import { canFilter } from './seccomp.js'

const START_MS = 15_000
export const BWRAP = '/usr/bin/bwrap'
const PYTHONS = ['/usr/bin/python3', '/usr/local/bin/python3']
/** Threads of libraries for linear algebra cost memory, and this machine has other work. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', LANG: 'C.UTF-8', MPLBACKEND: 'module://sandbox_backend', MPLCONFIGDIR: '/tmp/.matplotlib', OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1' }

export interface BubblewrapOptions {
  /** `bwrap`'s path. Default `/usr/bin/bwrap`. */
  bwrap?: string
  /** The interpreter's path. Default `/usr/bin/python3`, else `/usr/local/bin/python3`. Outside of `/usr` its folder must be in `readable`. */
  python?: string
  /** Folders of this machine that code may read beside `/usr`, such as a virtual environment. Default none. */
  readable?: readonly string[]
  /** More environment variables of Python. Default none. */
  environment?: Readonly<Record<string, string>>
  /** Walls to leave out, for tests of the walls. Default none. */
  without?: ReadonlySet<Wall>
  /** The user to run as, where this process is root. Default: nobody (65534). */
  uid?: number
}

/**
 * The system's CPython in namespaces of its own: no network, no files but `/usr`, other users' processes out of sight, a filter of system
 * calls, bounds on memory, files and processes. Linux only; wants no privilege where the kernel lets users make namespaces.
 */
export class BubblewrapSandbox implements Sandbox {
  readonly name = 'bubblewrap'
  readonly strength = 'kernel'
  readonly defaultSessions = 16
  readonly #options: BubblewrapOptions
  readonly #sessions = new Set<SandboxSession>()

  constructor (options: BubblewrapOptions = {}) {
    this.#options = options
  }

  get #bwrap (): string {
    return this.#options.bwrap ?? BWRAP
  }

  get #python (): string {
    return this.#options.python ?? PYTHONS.find(path => existsSync(path)) ?? PYTHONS[0]!
  }

  async check (): Promise<SandboxCheck> {
    const lack = lackOfBubblewrap(this.#bwrap)
    if (lack !== undefined) return { ok: false, reason: lack }
    if (!existsSync(this.#python)) return { ok: false, reason: `There is no Python at ${this.#python}: apt-get install python3 (or your system's equivalent).` }
    return await selfTest(this)
  }

  async start ({ limits, signal }: StartOptions): Promise<SandboxSession> {
    signal.throwIfAborted()
    const session = await RunnerSession.open(this.#spawn(limits), limits, START_MS, signal)
    this.#sessions.add(session)
    session.ended.finally(() => this.#sessions.delete(session)).catch(() => {})
    return session
  }

  async close (): Promise<void> {
    await Promise.all([...this.#sessions].map(async session => await session.stop()))
  }

  #spawn (limits: SandboxLimits): RunnerProcess {
    const { readable = [], environment = {}, without = new Set<Wall>(), uid = NOBODY } = this.#options
    const python = this.#python
    const args = bubblewrapArguments({ limits, python, readable, environment: { ...ENVIRONMENT, ...environment }, without })
    // As root, every user inside would be root outside, who owns what no mode protects, and the number of processes would not be bounded.
    const drop = process.getuid?.() === 0 && !without.has('uid') ? { uid, gid: uid } : {}
    const started = startPython(this.#bwrap, [...args, '--', python, '-I', '-B', '-X', 'utf8', '-c', CPYTHON, JSON.stringify(rlimits(limits))], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      cwd: '/',
      ...without.has('environment') ? {} : { env: {} },
      ...drop
    })
    return new BubblewrapProcess(started, limits)
  }
}

/** Why bubblewrap cannot be tried at all, in a sentence. */
export function lackOfBubblewrap (path: string): string | undefined {
  if (process.platform !== 'linux') return 'bubblewrap runs on Linux only.'
  if (!canFilter()) return `There is no filter of system calls for ${process.arch} processors: x64 and arm64 have one.`
  if (!existsSync(path)) return 'bubblewrap is not installed: apt-get install bubblewrap (or your system\'s equivalent).'
  return undefined
}

/** By the names that Python knows them under. */
function rlimits ({ memoryBytes, processes, dataBytes, openFiles }: SandboxLimits): Record<string, number> {
  return { AS: memoryBytes, NPROC: processes, FSIZE: dataBytes, NOFILE: openFiles, CORE: 0, STACK: 8 * 1024 ** 2, MEMLOCK: 0, MSGQUEUE: 0 }
}
