import type { ChildProcess } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import type { Duplex, Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { StartedChild } from '../../shared/child-process.js'
import type { RunnerProcess } from '../runner-session.js'
import type { SandboxLimits } from '../sandbox.js'
import { FD } from './arguments.js'
import { explain } from './explain.js'
import { seccompFilter } from './seccomp.js'
import { childrenNow, childrenOf, watchOver } from './watchdog.js'

export interface BubblewrapPipes {
  filter: number
  info: number
  /** Where a byte interrupts. Undefined: Python is sent a signal. */
  interrupts?: number
}

/** A runner that bubblewrap was started for. */
export class BubblewrapProcess implements RunnerProcess {
  readonly output: Readable
  readonly control: Duplex
  readonly exited: Promise<string>
  readonly #child: ChildProcess
  #killed: string | undefined
  #hasExited = false
  /** The first process inside, by its id outside. */
  #init: number | undefined
  #unwatch = (): void => {}
  readonly #interrupts: Writable | undefined

  constructor ({ child, pipes }: StartedChild, limits: SandboxLimits, fds: BubblewrapPipes = FD) {
    this.#child = child
    this.output = child.stdout!
    this.control = pipes[FD.control]!
    this.#interrupts = fds.interrupts === undefined ? undefined : pipes[fds.interrupts]!
    for (const pipe of pipes) pipe?.on('error', () => {})
    pipes[fds.filter]!.end(seccompFilter())
    const errors: string[] = []
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      if (errors.length < 20) errors.push(piece)
    })
    this.#watch(pipes[fds.info]!, limits).catch(() => {})
    this.exited = new Promise(resolve => {
      const end = (reason: string): void => {
        this.#hasExited = true
        this.#unwatch()
        this.control.destroy()
        this.#interrupts?.destroy()
        resolve(this.#killed ?? reason)
      }
      child.on('error', error => end(error.message))
      child.on('close', (code, signal) => end(errors.length > 0 ? explain(errors.join('')) : `Python ended with ${signal ?? `status ${code}`}`))
    })
  }

  /** bubblewrap says which process is the first inside. */
  async #watch (source: Readable, limits: SandboxLimits): Promise<void> {
    try {
      const info = await text(source)
      this.#init = (JSON.parse(info) as { 'child-pid': number })['child-pid']
    } catch {
      // It did not come so far; `exited` says why.
      return
    }
    letGroupGiveWay(this.#init).catch(() => {})
    if (!this.#hasExited) this.#unwatch = watchOver({ pid: this.#init, limits, onExceeded: reason => this.kill(reason) })
  }

  interrupt (): void {
    if (this.#interrupts === undefined) this.#interrupt().catch(() => {})
    else if (this.#interrupts.writable) this.#interrupts.write('!')
  }

  /** To Python alone: its children are Python's affair, and the process above it is a mere reaper. */
  async #interrupt (): Promise<void> {
    const [python] = this.#init === undefined ? [] : await childrenOf(this.#init)
    if (python === undefined || this.#hasExited) return
    try {
      process.kill(python, 'SIGINT')
    } catch {
      // It is gone.
    }
  }

  kill (reason: string): void {
    this.#killed ??= reason
    const { pid } = this.#child
    if (pid === undefined || this.#hasExited) return
    // Killed early, bubblewrap leaves behind the process inside that waits for it; later that one has asked to die with it.
    this.#child.kill('SIGSTOP')
    for (const inside of childrenNow(pid)) {
      try {
        process.kill(inside, 'SIGKILL')
      } catch {
        // It is gone.
      }
    }
    this.#child.kill('SIGKILL')
  }
}

/** That of the runner itself. */
const NICENESS = '10'
const TRIES = 20
const BETWEEN_TRIES_MS = 150

/**
 * Where the kernel shares the processor between sessions (`kernel.sched_autogroup_enabled`), the nice value of a process counts within its
 * session alone, and a sandbox is a session: it gets the same value as a whole.
 */
async function letGroupGiveWay (pid: number): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      // bubblewrap names the process before that has a session of its own: until then the group is the server's.
      if (await leadsSession(pid)) return await writeFile(`/proc/${pid}/autogroup`, NICENESS)
    } catch (error) {
      // From others than root the kernel takes one such wish in a tenth of a second.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
    }
    await new Promise(resolve => setTimeout(resolve, BETWEEN_TRIES_MS).unref())
  }
}

async function leadsSession (pid: number): Promise<boolean> {
  const [, , , session] = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')
  return Number(session) === pid
}
