import { monotonicMs, type Clock } from '../shared/clock.js'
import type { TokenUsage } from './job.js'

/** What this instance has done for a run, from when it took it up to where the run stopped. */
export interface RunReport {
  /** That answered last. Absent when no model was asked. */
  provider?: string
  /** The provider's own name of its model. */
  model?: string
  /** The key that has started the run, or gone on with it. */
  keyName?: string
  modelTurns: number
  /** Calls of tools that the model has made. */
  toolCalls: number
  promptTokens: number
  completionTokens: number
  /** From the beginning to the first piece of an answer, in milliseconds. Absent without one. */
  firstTokenMs?: number
  durationMs: number
  /** How often the run was taken from an instance that had stopped. */
  takeovers: number
}

/** Takes notes while a run is executed. */
export class RunNotes {
  readonly #clock: Clock
  readonly #from: number
  #provider: { name: string, model: string } | undefined
  #modelTurns = 0
  #toolCalls = 0
  #usage = { promptTokens: 0, completionTokens: 0 }
  #firstTokenMs: number | undefined

  constructor (clock: Clock) {
    this.#clock = clock
    this.#from = monotonicMs(clock)
  }

  asked (name: string, model: string): void {
    this.#provider = { name, model }
    this.#modelTurns++
  }

  /** Called with each batch of an answer. */
  heard (): void {
    this.#firstTokenMs ??= this.#elapsed()
  }

  called (tools: number): void {
    this.#toolCalls += tools
  }

  used ({ promptTokens, completionTokens }: TokenUsage): void {
    this.#usage = { promptTokens: this.#usage.promptTokens + promptTokens, completionTokens: this.#usage.completionTokens + completionTokens }
  }

  report ({ keyName, takeovers }: { keyName: string | undefined, takeovers: number }): RunReport {
    return {
      ...this.#provider === undefined ? {} : { provider: this.#provider.name, model: this.#provider.model },
      ...keyName === undefined ? {} : { keyName },
      modelTurns: this.#modelTurns,
      toolCalls: this.#toolCalls,
      ...this.#usage,
      ...this.#firstTokenMs === undefined ? {} : { firstTokenMs: this.#firstTokenMs },
      durationMs: this.#elapsed(),
      takeovers
    }
  }

  #elapsed (): number {
    return monotonicMs(this.#clock) - this.#from
  }
}
