import type { RecordStore } from '../../storage/record-store.js'
import type { OffsetUnit } from './annotators.js'
import type { ModelRegistry } from '../models/registry.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import type { BuiltInTools } from '../tools/built-in-tools.js'
import type { FunctionRunner } from '../tools/tool.js'
import type { UsageLedger } from '../usage/ledger.js'
import type { RunObserver } from './observer.js'
import type { Spending } from '../usage/spending.js'

/** Bounds of the engine. */
export interface EngineLimits {
  /** How long an instance holds a run without renewing, in milliseconds. */
  leaseMs: number
  /** Model calls in one run. */
  maxModelTurns: number
  /** Messages of a thread that a prompt takes, counted from the newest. */
  maxPromptMessages: number
  /** Tokens of a prompt; older messages are left out beyond it. What a model can take, if that is less, is the provider's affair. */
  maxPromptTokens: number
  /** Bytes of a run's events, as they are sent, kept for its readers. */
  maxLogBytes: number
  /** Bytes that all runs' events and the last runs may take together; the project that takes most gives up its oldest. Runs that have stopped take a quarter of it at most. 0: 64 MiB, or a quarter of what the heap may have where that is less. */
  maxHeldBytes: number
  /** How long the events of a run that has stopped are kept, in milliseconds. */
  logRetentionMs: number
  /** How often a run may be taken over before it fails. */
  maxTakeovers: number
  /** How long a server that shuts down lets its runs finish before it hands them over, in milliseconds. */
  drainMs: number
}

export const DEFAULT_LIMITS: EngineLimits = {
  leaseMs: 15_000,
  maxModelTurns: 50,
  maxPromptMessages: 1000,
  maxPromptTokens: 128_000,
  maxLogBytes: 16 * 1024 * 1024,
  maxHeldBytes: 0,
  logRetentionMs: 60_000,
  maxTakeovers: 3,
  drainMs: 0
}

/** What the engine works with. */
export interface EngineServices {
  records: RecordStore
  clock: Clock
  models: Pick<ModelRegistry, 'resolve'>
  tools: BuiltInTools
  functions: FunctionRunner
  log: Logger
  /** Counts tokens and says when there are none left. Default: they are not counted. */
  spending?: Pick<Spending, 'admit' | 'spend'>
  /** Says more of a model's failure, and what a model is called. Default: both are reported as they are. */
  registry?: Pick<ModelRegistry, 'explain' | 'publicName'>
  /** Keeps what was used. Default: it is not kept. */
  ledger?: Pick<UsageLedger, 'add'>
  /** Looks at executions. Default: they are not looked at. */
  observer?: RunObserver
  /** What offsets of annotations count. Default `utf16`. */
  offsetUnit?: OffsetUnit
  limits: EngineLimits
}
