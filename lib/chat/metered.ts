import type { UsageKind, UsageLedger } from '../usage/ledger.js'
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
  ledger: Pick<UsageLedger, 'add'>
  /** As `GET /models` names it. */
  model: string
}

/** The same answer, its tokens counted once it has been sent: as the vendor counts them, else a token for each four bytes. */
export function metered (answer: Answer, { asked, generates, payer, spending, ledger, model }: Metering): Answer {
  const count = (text: string, bytes: number): void => {
    const { total, input, output, cached } = tokensIn(text) ?? estimated(Buffer.byteLength(asked), generates ? bytes : 0)
    spending.spend(payer, 'tokens', total)
    const kind: UsageKind = generates ? 'completions' : 'embeddings'
    ledger.add(payer.project, { kind, key: payer.keyName ?? null, model }, { requests: 1, inputTokens: input, cachedTokens: cached, outputTokens: output })
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

interface Tokens {
  total: number
  input: number
  output: number
  /** Of the input those that the vendor had in its cache. */
  cached: number
}

/** What the last `usage` says; undefined without one. Words of a model cannot be mistaken for it: their quotation marks are escaped. */
function tokensIn (text: string): Tokens | undefined {
  const [, usage = ''] = /.*"usage"\s*:\s*\{(.*)/s.exec(text) ?? []
  const count = (name: string): number => Number(new RegExp(`"${name}"\\s*:\\s*(\\d{1,12})`).exec(usage)?.[1] ?? 0)
  const total = count('total_tokens')
  if (total === 0) return undefined
  const output = Math.min(count('completion_tokens'), total)
  return { total, input: total - output, output, cached: Math.min(count('cached_tokens'), total - output) }
}

function estimated (askedBytes: number, answeredBytes: number): Tokens {
  const total = Math.ceil((askedBytes + answeredBytes) / BYTES_PER_TOKEN)
  const input = Math.min(Math.ceil(askedBytes / BYTES_PER_TOKEN), total)
  return { total, input, output: total - input, cached: 0 }
}
