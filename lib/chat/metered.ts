import type { Payer, Spending } from '../usage/spending.js'
import type { Answer } from './call.js'

/** The end of an answer, which holds the vendor's count of tokens: the last chunk of a stream, or the last members of an object. */
const TAIL_CHARACTERS = 16 * 1024

/** In text without a count of tokens. */
const BYTES_PER_TOKEN = 4

export interface Metering {
  /** The request's body. */
  asked: string
  /** Whether the answer is made of tokens too. */
  generates: boolean
  payer: Payer
  spending: Spending
}

/** The same answer, its tokens counted once it has been sent: as the vendor counts them, else a token for each four bytes. */
export function metered (answer: Answer, { asked, generates, payer, spending }: Metering): Answer {
  const count = (text: string, bytes: number): void => {
    spending.spend(payer, 'tokens', tokensIn(text) || Math.ceil((Buffer.byteLength(asked) + (generates ? bytes : 0)) / BYTES_PER_TOKEN))
  }
  if ('object' in answer) {
    const text = JSON.stringify(answer.object)
    count(text, Buffer.byteLength(text))
    return answer
  }
  return { ...answer, bytes: watched(answer.bytes, count) }
}

async function * watched (chunks: AsyncIterable<string | Uint8Array>, ended: (tail: string, bytes: number) => void): AsyncGenerator<string | Uint8Array, void, undefined> {
  let tail = ''
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length
      tail = (tail + (typeof chunk === 'string' ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1'))).slice(-TAIL_CHARACTERS)
      yield chunk
    }
  } finally {
    // A client that leaves early has had what was sent.
    ended(tail, bytes)
  }
}

/** What the last `usage` says; 0 without one. Words of a model cannot be mistaken for it: their quotation marks are escaped. */
function tokensIn (text: string): number {
  const [, usage = ''] = /.*"usage"\s*:\s*\{(.*)/s.exec(text) ?? []
  const [, total = 0] = /"total_tokens"\s*:\s*(\d{1,12})/.exec(usage) ?? []
  return Number(total)
}
