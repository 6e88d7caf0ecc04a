import type { ModelPart } from '../models/provider.js'

/**
 * Ends the answer before the first of `sequences` (API reference, "stop"), for providers that do not take the parameter. Text that may
 * be the beginning of one is held back until it is known. Leaving the stream early ends the model's work, so of an
 * answer that was stopped the tokens are not counted.
 */
export async function * stopAt (parts: AsyncIterable<ModelPart>, sequences: readonly string[]): AsyncGenerator<ModelPart, void, undefined> {
  let held = ''
  for await (const part of parts) {
    if (part.type !== 'text') {
      if (held !== '') yield { type: 'text', text: held }
      held = ''
      yield part
      continue
    }
    const text = held + part.text
    const end = firstOf(sequences, text)
    const known = end === -1 ? text.length - longestBeginning(sequences, text) : end
    if (known > 0) yield { type: 'text', text: text.slice(0, known) }
    if (end !== -1) return yield { type: 'finish', reason: 'stop', raw: 'stop_sequence' }
    held = text.slice(known)
  }
}

/** The index of the first of the sequences in `text`, or -1. */
function firstOf (sequences: readonly string[], text: string): number {
  const places = sequences.map(sequence => text.indexOf(sequence)).filter(place => place !== -1)
  return places.length === 0 ? -1 : Math.min(...places)
}

/** How much of the text's end may be the beginning of a sequence. */
function longestBeginning (sequences: readonly string[], text: string): number {
  return Math.max(0, ...sequences.map(sequence => {
    let length = Math.min(sequence.length - 1, text.length)
    while (length > 0 && !text.endsWith(sequence.slice(0, length))) length--
    return length
  }))
}
