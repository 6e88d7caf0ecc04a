/** The folder of a session that code works in. Files go in and out of it. */
export const DATA_FOLDER = '/mnt/data'

/** Bounds of one session. Bytes, milliseconds, counts: whole numbers above 0. */
export interface SandboxLimits {
  /** Memory of one session: all its processes and its files. Default 2 GiB. */
  memoryBytes: number
  /** Bytes that `/mnt/data` takes. Default 256 MiB. */
  dataBytes: number
  /** Bytes that `/tmp` takes. Default 64 MiB. */
  tmpBytes: number
  /** Files and folders in `/mnt/data` and in `/tmp`. Default 20,000. */
  fileCount: number
  /** Processes and threads. Default 64. */
  processes: number
  /** Open files of one process. Default 256. */
  openFiles: number
  /** Bytes of output of one call. A session that writes more is ended. Default 64 MiB. */
  outputBytes: number
}

export const DEFAULT_SANDBOX_LIMITS: SandboxLimits = {
  memoryBytes: 2 * 1024 ** 3,
  dataBytes: 256 * 1024 ** 2,
  tmpBytes: 64 * 1024 ** 2,
  fileCount: 20_000,
  processes: 64,
  openFiles: 256,
  outputBytes: 64 * 1024 ** 2
}

/** A file that a call has written, by its path below `/mnt/data`. */
export interface SandboxFile {
  path: string
  bytes: number
}

/** How a call has ended. `died`: the session has ended with it. `timeout`: code was interrupted, and variables are kept. */
export type CallStatus = 'ok' | 'error' | 'timeout' | 'died'

/** What a call does, in order. Standard output and standard error are one text, to be appended. `done` is the last. */
export type SandboxEvent =
  | { type: 'text', text: string }
  | { type: 'image', png: Buffer }
  | { type: 'done', status: CallStatus, files: SandboxFile[], detail?: string }

export interface ExecuteOptions {
  /** Code is interrupted after this time, and the session ended when that does not stop it within two seconds. */
  timeoutMs: number
  /** Interrupts in the same way, and ends the events at once with the signal's reason. */
  signal: AbortSignal
}

/**
 * A running Python whose variables last from call to call. Operations wait for one another. What comes out of a session is untrusted
 * data. Everything but `execute` throws a `SandboxError` once the session has ended.
 */
export interface SandboxSession {
  /** Resolves with the reason when the session has ended, by itself or by `stop()`. Never rejects. */
  readonly ended: Promise<string>
  readonly hasEnded: boolean
  /** Python's version, as it says itself. */
  readonly python: string
  execute (code: string, options: ExecuteOptions): AsyncGenerator<SandboxEvent, void, void>
  /** Writes a file below `/mnt/data`, in place of what has its path. Throws a `SandboxError` when it does not fit. */
  put (path: string, bytes: AsyncIterable<Uint8Array>): Promise<void>
  /** Reads a regular file of `/mnt/data`, at most `maxBytes` of it. Throws a `SandboxError` when there is none. */
  get (path: string, maxBytes: number): AsyncGenerator<Buffer, void, void>
  /** Ends it at once, with everything in it. */
  stop (): Promise<void>
}

export interface StartOptions {
  limits: SandboxLimits
  signal: AbortSignal
}

/** What a self-test has found. `reason` is a sentence that says what the operator can do. */
export type SandboxCheck = { ok: true, python: string, packages: string[] } | { ok: false, reason: string }

/** A place where Python runs that is not this server: a way to isolate it. */
export interface Sandbox {
  /** As the option names it. */
  readonly name: string
  /** What holds code in: the kernel, a process that has locked itself down, another machine. */
  readonly strength: 'kernel' | 'process' | 'remote'
  /** How many sessions a server can have at a time by default. */
  readonly defaultSessions: number
  /** Starts a session and attacks it. Never rejects. */
  check (): Promise<SandboxCheck>
  /** Throws a `SandboxError` when no session can be started, or the signal's reason. */
  start (options: StartOptions): Promise<SandboxSession>
  /** Ends all sessions. */
  close (): Promise<void>
}

/** What went wrong with a sandbox, in a sentence for operators. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
}
