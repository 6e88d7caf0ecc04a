import type { ModelPart, ModelProvider, ModelRequest, StreamOptions } from '../../../lib/models/provider.js'
import { Gate } from '../../helpers/upstream-gate.js'

/** What a model says: its parts, a gate that holds it back, or what it throws. */
export type Answer = readonly (ModelPart | Gate | Error)[]

/** Said first, so that no tokens have to be counted. */
const USAGE = { type: 'usage', usage: { promptTokens: 5, completionTokens: 2 } } as const

export const says = (...said: (string | Gate | Error)[]): Answer =>
  [USAGE, ...said.map(piece => typeof piece === 'string' ? { type: 'text' as const, text: piece } : piece), { type: 'finish', reason: 'stop' }]

export const calls = (...names: string[]): Answer =>
  [USAGE, ...names.map((name, index) => ({ type: 'tool_call' as const, index, id: `call_${name}`, name })), { type: 'finish', reason: 'tool_calls' }]

/** A model in this process that says what the test wants. */
export class TestModel implements ModelProvider {
  readonly requests: ModelRequest[] = []
  readonly #answers: Answer[] = []

  /** What it says next. */
  enqueue (...answers: Answer[]): void {
    this.#answers.push(...answers)
  }

  async * stream (request: ModelRequest, { signal }: StreamOptions): AsyncGenerator<ModelPart> {
    this.requests.push(request)
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
    for (const part of this.#answers.shift() ?? says('Hi')) {
      if (part instanceof Error) throw part
      if (part instanceof Gate) await Promise.race([part.pass(), aborted])
      signal.throwIfAborted()
      if (!(part instanceof Gate)) yield part
    }
  }

  async models (): Promise<[]> {
    return []
  }
}
