import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder } from '../shared/package-folder.js'
import type { ModelContentPart, ModelMessage, ModelTool } from './provider.js'

/**
 * Counts tokens as the o200k encoding does: exact for the models that use it, a fair estimate for all others. Counting stops beyond
 * `atMost`, with a number above it.
 */
export type CountTokens = (text: string, atMost?: number) => number

/** A piece is cut before the next space once it is this long. */
const PIECE = 512
/**
 * The encoder takes time that grows with the square of an unbroken run of letters, signs or spaces, and such a text may be an attack. Runs
 * are cut after this many characters; each cut may count one token too many.
 */
const RUN = 48

let loading: Promise<CountTokens> | undefined

/** Loads the encoder on first use: its tables take a moment, and most runs never need them. `scripts/assets.js` has made it of `gpt-tokenizer`. */
export async function tokenCounter (): Promise<CountTokens> {
  loading ??= (import(pathToFileURL(join(packageFolder(), 'dist/tokens/o200k_base.js')).href) as Promise<typeof import('gpt-tokenizer/encoding/o200k_base')>).then(({ countTokens }) => {
    // Users may write what looks like a control token: it is text like any other.
    const plain = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() }
    return inPieces(text => countTokens(text, plain))
  })
  return await loading
}

/** The same counter, given no more than a piece at a time. */
export function inPieces (count: (piece: string) => number): CountTokens {
  return (text, atMost = Infinity) => {
    let tokens = 0
    for (const piece of pieces(text)) {
      tokens += count(piece)
      if (tokens > atMost) break
    }
    return tokens
  }
}

function * pieces (text: string): Generator<string, void, undefined> {
  let from = 0
  let run = 0
  let inSpace = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const space = isSpace(code)
    run = space === inSpace ? run + 1 : 1
    const cut = run > RUN ? !isSecondHalf(code) : run === 1 && space && i - from >= PIECE
    inSpace = space
    if (!cut) continue
    yield text.slice(from, i)
    from = i
    run = 1
  }
  if (from < text.length) yield text.slice(from)
}

/** Which of them are exactly spaces does not matter: what is none for us is cut as a part of a word. */
const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d)

/** Of a character of two code units. */
const isSecondHalf = (code: number): boolean => code >= 0xdc00 && code < 0xe000

/** What a message costs beside its text: role and separators. */
const MESSAGE_TOKENS = 4
/** Images are priced by size, which we do not know: a low-detail one has a fixed price, else that of a medium square. */
const IMAGE_TOKENS = { low: 85, high: 765, auto: 765 }

/** Text to be counted, and the tokens of what is none. */
export interface Countable {
  texts: string[]
  fixed: number
}

export function countable (message: ModelMessage): Countable {
  if (message.role === 'assistant') {
    const calls = (message.toolCalls ?? []).flatMap(call => [call.name, call.arguments])
    return { texts: [...calls, message.content ?? ''], fixed: MESSAGE_TOKENS }
  }
  if (typeof message.content === 'string') return { texts: [message.content], fixed: MESSAGE_TOKENS }
  const texts = message.content.flatMap(part => part.type === 'text' ? [part.text] : [])
  return { texts, fixed: message.content.reduce((sum, part) => sum + imageTokens(part), MESSAGE_TOKENS) }
}

const imageTokens = (part: ModelContentPart): number => part.type === 'text' ? 0 : IMAGE_TOKENS[part.detail ?? 'auto']

export function countableTools (tools: readonly ModelTool[]): Countable {
  return { texts: tools.map(tool => JSON.stringify(tool)), fixed: 0 }
}

/** More tokens than it can have, found without encoding it: a token is at least one byte. */
export function tokensAtMost ({ texts, fixed }: Countable): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), fixed)
}
