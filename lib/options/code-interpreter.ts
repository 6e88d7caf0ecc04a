import type { BubblewrapOptions } from '../sandbox/bubblewrap/bubblewrap.js'
import { BACKENDS, type Backend } from '../sandbox/choose.js'
import { E2B_TIMEOUT_MS, type E2bOptions } from '../sandbox/e2b/e2b.js'
import type { PyodideOptions } from '../sandbox/pyodide/pyodide.js'
import { DEFAULT_SANDBOX_LIMITS, type Sandbox, type SandboxLimits } from '../sandbox/sandbox.js'
import type { InterpreterSettings } from '../tools/code-interpreter/interpreter.js'
import { bounds } from './bounds.js'

/** Bounds of code that runs, beside those of its sandbox. All of them are whole numbers. */
export interface CodeInterpreterLimits extends SandboxLimits {
  /** Time of one call in milliseconds; code that takes longer is interrupted, and variables are kept. Default 60,000. */
  callMs: number
  /** Sessions of this server at a time. Default 16 with bubblewrap, 4 with Pyodide. */
  sessions: number
  /** Milliseconds after which a session that is not used ends. Default one hour. */
  idleMs: number
  /** The greatest age of a session in milliseconds. Default 24 hours. */
  ageMs: number
  /** How long a call waits for a session when all are busy, in milliseconds. Default 60,000. */
  waitMs: number
  /** Sessions that are kept started for the next threads, once one was needed. Default 1. */
  warm: number
  /** Characters of output that the step of one call shows. Default 1,048,576. */
  logLength: number
  /** Characters of output that the model reads of one call, half from its beginning and half from its end. Default 64,000. */
  modelLength: number
  /** Files of one call that are saved. Default 20. */
  filesPerCall: number
}

/** Options of the code interpreter. All may be left out. */
export interface CodeInterpreterOptions {
  /** The sandbox, by name or your own. Default `auto`: the strongest that works here; `e2b` has to be asked for. */
  backend?: 'auto' | Backend | Sandbox
  /** How bubblewrap and its Python are found. Default: see `BubblewrapOptions`. */
  bubblewrap?: Omit<BubblewrapOptions, 'without'>
  /** Where Pyodide is found. Default: the package `pyodide`. */
  pyodide?: PyodideOptions
  /** Where sandboxes of E2B are made. Default: see `E2bOptions`. */
  e2b?: E2bOptions
  /**
   * Whether `auto` may choose Pyodide alone, which is no boundary that the kernel enforces. Default: where there is one project only.
   */
  allowWeak?: boolean
  /** Bounds. Default: see `CodeInterpreterLimits`. */
  limits?: Partial<CodeInterpreterLimits>
}

export type CodeInterpreterOption = 'auto' | 'off' | CodeInterpreterOptions

export interface ResolvedCodeInterpreter extends InterpreterSettings {
  /** Whether the operator has chosen it, so that it is worth a test at start. */
  isAskedFor: boolean
}

const HOUR_MS = 3_600_000
const DEFAULTS = { callMs: 60_000, sessions: undefined as number | undefined, idleMs: HOUR_MS, ageMs: 24 * HOUR_MS, waitMs: 60_000, warm: 1, logLength: 1024 ** 2, modelLength: 64_000, filesPerCall: 20 }
const NAMES: readonly string[] = ['backend', 'bubblewrap', 'pyodide', 'e2b', 'allowWeak', 'limits'] satisfies (keyof CodeInterpreterOptions)[]
const PARTS: Readonly<Record<'bubblewrap' | 'pyodide' | 'e2b', readonly string[]>> = {
  bubblewrap: ['bwrap', 'python', 'readable', 'environment', 'uid'] satisfies (keyof Omit<BubblewrapOptions, 'without'>)[],
  pyodide: ['folder'] satisfies (keyof PyodideOptions)[],
  e2b: ['apiKey', 'apiUrl', 'sandboxUrl', 'domain', 'template', 'user', 'timeoutMs'] satisfies (keyof E2bOptions)[]
}

/**
 * Undefined: no code is run. Throws a TypeError that names a bad option.
 *
 * @param hasProjects whether the server has several.
 */
export function resolveCodeInterpreter (option: CodeInterpreterOption | undefined, hasProjects = false): ResolvedCodeInterpreter | undefined {
  if (option === 'off') return undefined
  const given = option === undefined || option === 'auto' ? {} : option
  if (typeof given !== 'object' || given === null) throw new TypeError(`Option "codeInterpreter" must be 'auto', 'off' or an object, not ${JSON.stringify(option)}.`)
  for (const name of Object.keys(given)) {
    if (!NAMES.includes(name)) throw new TypeError(`Option "codeInterpreter.${name}" does not exist. There are: ${NAMES.join(', ')}.`)
  }
  // Only names that are known go on: the sandboxes know more, for tests of their walls.
  for (const [part, names] of Object.entries(PARTS)) {
    for (const name of Object.keys(given[part as keyof typeof PARTS] ?? {})) {
      if (!names.includes(name)) throw new TypeError(`Option "codeInterpreter.${part}.${name}" does not exist. There are: ${names.join(', ')}.`)
    }
  }
  const { backend = 'auto', bubblewrap = {}, pyodide = {}, e2b = {}, allowWeak = !hasProjects, limits } = given
  if (typeof backend === 'string' ? backend !== 'auto' && !BACKENDS.includes(backend) : typeof backend?.start !== 'function') {
    throw new TypeError(`Option "codeInterpreter.backend" must be 'auto', ${BACKENDS.map(name => `'${name}'`).join(', ')} or a sandbox, not ${JSON.stringify(backend)}.`)
  }
  const { timeoutMs = E2B_TIMEOUT_MS.fallback } = e2b
  if (!Number.isInteger(timeoutMs) || timeoutMs % 1000 !== 0 || timeoutMs < E2B_TIMEOUT_MS.least || timeoutMs > E2B_TIMEOUT_MS.most) {
    throw new TypeError(`Option "codeInterpreter.e2b.timeoutMs" must be whole seconds in milliseconds, from ${E2B_TIMEOUT_MS.least} to ${E2B_TIMEOUT_MS.most}, not ${JSON.stringify(timeoutMs)}.`)
  }
  const all = bounds('codeInterpreter.limits', { ...DEFAULTS, ...DEFAULT_SANDBOX_LIMITS }, limits as object)
  const sandboxLimits = Object.fromEntries(Object.keys(DEFAULT_SANDBOX_LIMITS).map(name => [name, all[name as keyof SandboxLimits]])) as unknown as SandboxLimits
  return { choice: { backend, bubblewrap, pyodide, e2b, allowWeak }, limits: all, sandboxLimits, isAskedFor: option !== undefined }
}
