import { SandboxError, type Sandbox, type SandboxCheck, type SandboxEvent, type SandboxSession, type StartOptions } from '../../../lib/sandbox/sandbox.js'

export const sandboxError = { name: 'SandboxError' }

/**
 * A sandbox of one's own, as `codeInterpreter.backend` takes it: its sessions run nothing. What matters is who has one, and for how long; a
 * real one is behind every other test.
 */
export class ScriptedSandbox implements Sandbox {
  readonly name = 'scripted'
  readonly strength = 'process'
  readonly defaultSessions = 4
  readonly started: SandboxSession[] = []
  /** What each call does, before its end. */
  events: SandboxEvent[] = []
  /** Whether starts fail. */
  fails = false
  /** The most sessions there have been at a time. */
  most = 0

  async check (): Promise<SandboxCheck> {
    return { ok: true, python: '3.0', packages: [] }
  }

  async start ({ signal }: StartOptions): Promise<SandboxSession> {
    signal.throwIfAborted()
    if (this.fails) throw new SandboxError('it cannot start')
    const session = new ScriptedSession(this.events)
    this.started.push(session)
    this.most = Math.max(this.most, this.started.filter(({ hasEnded }) => !hasEnded).length)
    return session
  }

  async close (): Promise<void> {
    await Promise.all(this.started.map(async session => await session.stop()))
  }
}

class ScriptedSession implements SandboxSession {
  readonly python = '3.0'
  readonly ended: Promise<string>
  hasEnded = false
  #end = (_reason: string): void => {}

  readonly #events: readonly SandboxEvent[]

  constructor (events: readonly SandboxEvent[]) {
    this.#events = events
    this.ended = new Promise(resolve => { this.#end = resolve })
  }

  async * execute (): AsyncGenerator<SandboxEvent, void, void> {
    yield * this.#events
    if (this.#events.at(-1)?.type !== 'done') yield { type: 'done', status: 'ok', files: [] }
  }

  async put (): Promise<void> {}

  async * get (): AsyncGenerator<Buffer, void, void> { yield Buffer.from('x') }

  async stop (): Promise<void> {
    this.hasEnded = true
    this.#end('it was stopped')
  }
}
