import { Gate, text, type UpstreamReply, type UpstreamRequest } from '../helpers/upstream.js'
import { unique } from './wire.js'

/** Runs whose model says one word and then waits. */
export class HeldRuns {
  readonly #gates = new Map<string, Gate>()

  /** What the user has to say, and what lets the model go on. */
  hold (): { content: string, gate: Gate } {
    const [word, gate] = [unique(), new Gate()]
    this.#gates.set(word, gate)
    return { content: `held ${word}`, gate }
  }

  /** Undefined for any other run. */
  answer ({ body }: UpstreamRequest): UpstreamReply | undefined {
    const word = /"held (\w+)"/.exec(JSON.stringify(body.messages.at(-1)))?.[1]
    const gate = word === undefined ? undefined : this.#gates.get(word)
    return gate === undefined ? undefined : text(['One', gate, ' two'])
  }
}
