import { eachPart, streamBatches } from './batches.js'
import type { ModelPart, ModelProvider, StreamOptions } from './provider.js'
import type { ModelRegistry, ResolvedModel } from './registry.js'

/** Whether what a model thinks between tags stays in its answer. */
export type Thinking = 'keep' | 'strip'

/** Models whose thoughts between tags are `reasoning` parts, and no part of the answer. */
export function withoutThinking (models: Pick<ModelRegistry, 'resolve'>): Pick<ModelRegistry, 'resolve'> {
  return {
    resolve (name): ResolvedModel {
      const resolved = models.resolve(name)
      const { provider } = resolved
      const inBatches: NonNullable<ModelProvider['streamBatches']> = (request, options) => strip(streamBatches(provider, request, options), options)
      const stream: ModelProvider['stream'] = (request, options) => eachPart(inBatches(request, options), options.signal)
      return { ...resolved, provider: { stream, streamBatches: inBatches, models: async options => await provider.models(options) } }
    }
  }
}

async function * strip (batches: AsyncIterable<readonly ModelPart[]>, { reasoning = true }: StreamOptions): AsyncGenerator<readonly ModelPart[], void, undefined> {
  const reader = new ThinkingReader()
  const read = (part: ModelPart): ModelPart[] => {
    if (part.type === 'text') return reader.push(part.text)
    return part.type === 'reasoning' || part.type === 'usage' ? [part] : [...reader.end(), part]
  }
  for await (const batch of batches) {
    if (reader.isBehind && batch.every(({ type }) => type === 'text')) {
      yield batch
      continue
    }
    const parts = batch.flatMap(read).filter(({ type }) => reasoning || type !== 'reasoning')
    if (parts.length > 0) yield parts
  }
}

type Piece = ModelPart & { type: 'text' | 'reasoning' }

const OPENINGS = ['<think>', '<thinking>']

/**
 * Tells thoughts from the answer, in a text that comes in pieces. Thoughts stand at its beginning: `<think>…</think>`, or `<thinking>`.
 * Such a tag anywhere else is text, as in an answer about XML. Thoughts without an end are thoughts to the last.
 */
export class ThinkingReader {
  #state: 'beginning' | 'thinking' | 'behind' | 'answer' = 'beginning'
  #closing = ''
  /** What may be a part of a tag, or white space around one. */
  #held = ''

  /** Whether all that follows is the answer. */
  get isBehind (): boolean {
    return this.#state === 'answer' && this.#held === ''
  }

  push (text: string): Piece[] {
    const found: Piece[] = []
    let rest = this.#held + text
    this.#held = ''
    while (rest !== '') rest = this.#read(rest, found)
    return found
  }

  /** The text has ended, or something else follows it. */
  end (): Piece[] {
    const held = this.#held
    const state = this.#state
    this.#held = ''
    this.#state = 'answer'
    if (held === '' || state === 'behind') return []
    return [{ type: state === 'thinking' ? 'reasoning' : 'text', text: held }]
  }

  /** Reads as far as what follows is of one kind. Returns the rest. */
  #read (text: string, found: Piece[]): string {
    switch (this.#state) {
      case 'beginning': {
        const begun = text.trimStart()
        const opening = OPENINGS.find(tag => begun.startsWith(tag))
        if (opening !== undefined) {
          this.#state = 'thinking'
          this.#closing = `</${opening.slice(1)}`
          return begun.slice(opening.length)
        }
        if (OPENINGS.some(tag => tag.startsWith(begun))) this.#held = text
        else this.#state = 'answer'
        return this.#held === '' ? text : ''
      }
      case 'thinking': {
        const end = text.indexOf(this.#closing)
        const thought = end === -1 ? text.slice(0, text.length - beginningOf(this.#closing, text)) : text.slice(0, end)
        if (thought !== '') found.push({ type: 'reasoning', text: thought })
        if (end === -1) {
          this.#held = text.slice(thought.length)
          return ''
        }
        this.#state = 'behind'
        return text.slice(end + this.#closing.length)
      }
      case 'behind': {
        const answer = text.trimStart()
        if (answer !== '') this.#state = 'answer'
        return answer
      }
      case 'answer':
        found.push({ type: 'text', text })
        return ''
    }
  }
}

/** How many characters at the end of the text begin the tag. */
function beginningOf (tag: string, text: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length
  }
  return 0
}
