import type { RecordStore } from '../../../storage/record-store.js'
import { chooseSandbox, type SandboxChoice } from '../../sandbox/choose.js'
import type { Sandbox, SandboxLimits } from '../../sandbox/sandbox.js'
import type { Clock } from '../../shared/clock.js'
import type { Logger } from '../../shared/log.js'
import type { OutputLimits } from './outputs.js'
import { Sessions, type SessionLimits } from './sessions.js'
import type { CodeFiles } from './workspace.js'

export interface CallLimits extends OutputLimits {
  /** Time of one call. */
  callMs: number
  /** Files of one call that are saved. */
  filesPerCall: number
}

/** How code is run, with every default filled in. */
export interface InterpreterSettings {
  choice: SandboxChoice
  limits: CallLimits & Omit<SessionLimits, 'sessions'> & {
    /** Undefined: as many as the sandbox thinks fit. */
    sessions: number | undefined
  }
  sandboxLimits: SandboxLimits
}

export interface InterpreterOptions {
  settings: InterpreterSettings
  records: RecordStore
  files: (project: string) => CodeFiles
  clock: Clock
  log: Logger
}

type Found = { ok: true, sessions: Sessions } | { ok: false, reason: string }

/** Where the code of all threads runs on this instance. The sandbox is chosen and tested when it is first needed, or by `prepare()`. */
export class Interpreter {
  readonly records: RecordStore
  readonly files: (project: string) => CodeFiles
  readonly limits: CallLimits
  readonly log: Logger
  readonly #options: InterpreterOptions
  #found: Promise<Found> | undefined
  #sandbox: Sandbox | undefined
  #sessions: Sessions | undefined

  constructor (options: InterpreterOptions) {
    this.#options = options
    this.records = options.records
    this.files = options.files
    this.limits = options.settings.limits
    this.log = options.log
  }

  /** Sessions that there are, idle ones included. */
  get sessionCount (): number {
    return this.#sessions?.count ?? 0
  }

  /** The sessions, or why there are none. Never rejects. */
  async prepare (): Promise<Found> {
    this.#found ??= this.#find()
    return await this.#found
  }

  /** Ends everything. */
  async close (): Promise<void> {
    const found = this.#found
    this.#found = Promise.resolve({ ok: false, reason: 'The server stops.' })
    await found
    await this.#sessions?.close()
    await this.#sandbox?.close()
  }

  async #find (): Promise<Found> {
    const { settings: { choice, limits, sandboxLimits }, clock, log } = this.#options
    const chosen = await chooseSandbox(choice)
    if (!chosen.ok) {
      log.warn({ reason: chosen.reason }, 'code_interpreter cannot run code')
      return chosen
    }
    const { sandbox, check } = chosen
    log[sandbox.strength === 'process' ? 'warn' : 'info']({ sandbox: sandbox.name, python: check.python, packages: check.packages },
      `code_interpreter runs code in ${sandbox.name}${sandbox.strength === 'process' ? ', which is no boundary that the kernel enforces' : ''}`)
    // One that was handed in may serve others too.
    if (sandbox !== choice.backend) this.#sandbox = sandbox
    this.#sessions = new Sessions({ sandbox, sandboxLimits, clock, limits: { ...limits, sessions: limits.sessions ?? sandbox.defaultSessions } })
    return { ok: true, sessions: this.#sessions }
  }
}
