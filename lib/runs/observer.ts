import type { ModelRequest } from '../models/provider.js'
import type { TokenUsage } from './job.js'
import type { RunReport } from './report.js'

/** Where an execution of a job stands among others, as W3C's `traceparent`. Kept with the lease, for who takes the job over. */
export interface JobTrace {
  /** The execution itself. */
  own: string
  /** What has led to the job: the request that created it. */
  parent?: string
}

/** Looks at executions as they happen. Nothing in it may throw. */
export interface RunObserver {
  /** An execution begins, in the context of what has led to it. Undefined when it is not looked at. `taken`: it goes on where this one has stopped. */
  begin (taken?: JobTrace): ObservedRun | undefined
}

export interface ObservedRun {
  readonly trace: JobTrace
  describe (run: { runId: string, threadId: string, agentId: string, model: string, takeovers: number }): void
  modelCall (call: { provider: string, request: ModelRequest }): ObservedStep<{ usage: TokenUsage, finish: string }>
  toolCall (call: { id: string, name: string, isBuiltIn: boolean }): ObservedStep<void>
  failed (error: unknown): void
  /** `status`: of the job, or `handed_over`. */
  end (status: string, report: RunReport): void
}

/** A part of an execution. Ends once, well or not. */
export interface ObservedStep<Result> {
  /** Does work that belongs to it. */
  within<T> (work: () => T): T
  end (result: Result): void
  failed (error: unknown): void
}

/** Work as part of what is looked at, if anything is. */
export const within = <T>(step: ObservedStep<never> | undefined, work: () => T): T => step === undefined ? work() : step.within(work)
