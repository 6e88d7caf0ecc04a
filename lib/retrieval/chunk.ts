import type { CountTokens } from '../models/tokens.js'
import { ownText } from '../shared/own-text.js'
import { unreadable, type Section } from './parse/document.js'

/** A piece of a document, as it is searched for and shown to the model. */
export interface Chunk {
  text: string
  tokens: number
  /** Where it begins, in characters (UTF-16 code units) of the document's whole text. */
  start: number
  /** The page or slide it begins on, where the format has such. */
  page?: number
}

export interface ChunkSize {
  /** Tokens of a chunk at the most. */
  size: number
  /** Tokens that a chunk repeats of the one before. */
  overlap: number
}

/**
 * A word with the space before it, as encoders cut text before they encode it: tokens counted word by word add up to
 * those of the whole, but for a few. Unbroken runs are cut, so that no text makes the encoder slow and no piece is larger than the
 * smallest chunk.
 */
const WORD = /\s{0,64}\S{1,24}|\s{1,64}/gu

interface Word {
  text: string
  tokens: number
  start: number
  page: number | undefined
}

/** Cuts a document into chunks of whole words. Throws a `DocumentError` beyond `maxTokens`. */
export function * chunks (sections: readonly Section[], { size, overlap }: ChunkSize, count: CountTokens, maxTokens: number): Generator<Chunk, void, undefined> {
  let window: Word[] = []
  let tokens = 0
  /** How many words of the window the chunk before had too. */
  let repeated = 0
  let total = 0
  for (const word of words(sections, count)) {
    total += word.tokens
    if (total > maxTokens) throw unreadable('it is too large')
    if (tokens + word.tokens > size && window.length > repeated) {
      const chunk = chunkOf(window, tokens)
      if (chunk !== undefined) yield chunk
      ;[window, tokens] = tail(window, Math.min(overlap, size - word.tokens))
      repeated = window.length
    }
    window.push(word)
    tokens += word.tokens
  }
  const last = window.length > repeated ? chunkOf(window, tokens) : undefined
  if (last !== undefined) yield last
}

const MAX_COUNTED = 50_000
/** The tokens of words, by what counts them: documents share most of their words. */
const COUNTED = new WeakMap<CountTokens, Map<string, number>>()

function * words (sections: readonly Section[], count: CountTokens): Generator<Word, void, undefined> {
  let counted = COUNTED.get(count)
  if (counted === undefined) COUNTED.set(count, counted = new Map<string, number>())
  let offset = 0
  for (const { text, page } of sections) {
    for (const { 0: word, index } of text.matchAll(WORD)) {
      let tokens = counted.get(word)
      if (tokens === undefined) {
        tokens = count(word)
        if (counted.size >= MAX_COUNTED) counted.clear()
        counted.set(ownText(word), tokens)
      }
      yield { text: word, tokens, start: offset + index, page }
    }
    offset += text.length
    // Pages and slides are apart, even where their text does not end in a space.
    yield { text: '\n', tokens: 1, start: offset, page }
    offset++
  }
}

/** The last words of a window, up to so many tokens. */
function tail (window: readonly Word[], most: number): [words: Word[], tokens: number] {
  let tokens = 0
  let from = window.length
  while (from > 0) {
    const word = window[from - 1]!
    if (tokens + word.tokens > most) break
    tokens += word.tokens
    from--
  }
  return [window.slice(from), tokens]
}

function chunkOf (window: readonly Word[], tokens: number): Chunk | undefined {
  const whole = window.map(word => word.text).join('')
  const text = whole.trim()
  if (text === '') return undefined
  const start = window[0]!.start + whole.indexOf(text)
  const { page } = window.find(word => word.text.trim() !== '')!
  return { text, tokens, start, ...(page === undefined ? {} : { page }) }
}
