import type { ModelMessage, ModelTool } from './provider.js'

/** Counts tokens as the o200k encoding does: exact for the models that use it, a fair estimate for all others. */
export type CountTokens = (text: string) => number

/**
 * The encoder takes time that grows with the square of an unbroken run of letters, and such a text may be an attack. Cut into pieces
 * of this many characters it stays linear; each cut may count one token too many.
 */
const PIECE = 512

let loading: Promise<CountTokens> | undefined

/** Loads the encoder on first use: its tables take a moment, and most runs never need them. */
export async function tokenCounter (): Promise<CountTokens> {
  loading ??= import('gpt-tokenizer/encoding/o200k_base').then(({ countTokens }) => {
    // Users may write what looks like a control token: it is text like any other.
    const plain = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() }
    return inPieces(text => countTokens(text, plain))
  })
  return await loading
}

/** The same counter, given no more than a piece at a time. */
export function inPieces (count: CountTokens): CountTokens {
  return text => {
    let tokens = 0
    for (let i = 0; i < text.length; i += PIECE) tokens += count(text.slice(i, i + PIECE))
    return tokens
  }
}

/** What a message costs beside its text: role and separators. */
const MESSAGE_TOKENS = 4
/** Images are priced by size, which we do not know: a low-detail one has a fixed price, else that of a medium square. */
const IMAGE_TOKENS = { low: 85, high: 765, auto: 765 }

export function messageTokens (count: CountTokens, message: ModelMessage): number {
  return MESSAGE_TOKENS + contentTokens(count, message)
}

function contentTokens (count: CountTokens, message: ModelMessage): number {
  if (message.role === 'assistant') {
    const calls = (message.toolCalls ?? []).reduce((sum, call) => sum + count(call.name) + count(call.arguments), 0)
    return calls + count(message.content ?? '')
  }
  if (typeof message.content === 'string') return count(message.content)
  return message.content.reduce((sum, part) => sum + (part.type === 'text' ? count(part.text) : IMAGE_TOKENS[part.detail ?? 'auto']), 0)
}

export function toolTokens (count: CountTokens, tools: readonly ModelTool[]): number {
  return tools.reduce((sum, tool) => sum + count(JSON.stringify(tool)), 0)
}

/** More tokens than the message can have, found without encoding it: a token is at least one byte. */
export function messageTokensAtMost (message: ModelMessage): number {
  return messageTokens(text => Buffer.byteLength(text), message)
}
