import { test } from 'tap'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { countTexts } from '../../lib/models/token-counts.js'
import { inPieces, tokenCounter, type CountTokens } from '../../lib/models/tokens.js'

/** The counter, and every piece of text that it has the encoder count. */
function watched (): { count: CountTokens, pieces: string[] } {
  const pieces: string[] = []
  const count = inPieces(text => {
    pieces.push(text)
    return countTokens(text)
  })
  return { count, pieces }
}

/** Characters in a piece without a break: the encoder's work grows with their square. */
const LONGEST_RUN = 49

for (const [what, text] of Object.entries({
  'letters without a space': 'a'.repeat(100_000),
  'random letters without a space': Array.from({ length: 100_000 }, (_, i) => String.fromCharCode(97 + (i * 7919) % 26)).join(''),
  'signs of a script that is written without spaces': '語'.repeat(100_000),
  'blanks and nothing else': ' '.repeat(100_000),
  'emoji of two code units': '🐸'.repeat(50_000),
  'one line of dots': '.'.repeat(100_000)
})) {
  test(`100,000 ${what} are counted in pieces of a bounded size`, async t => {
    const { count, pieces } = watched()
    const tokens = count(text)
    t.ok(tokens > 0 && tokens <= Buffer.byteLength(text), `${tokens} tokens, never more than bytes`)
    t.equal(pieces.join(''), text, 'every letter is counted, and counted once')
    t.ok(Math.max(...pieces.map(piece => piece.length)) <= LONGEST_RUN, 'no piece is longer than the bound')
  })
}

test('ordinary text is counted as the encoding does, but for a token at a cut', async t => {
  const count = await tokenCounter()
  const words = 'The quick brown fox jumps over the lazy dog. '
  t.equal(count(words), countTokens(words))
  const book = words.repeat(100)
  const exact = countTokens(book)
  t.ok(count(book) >= exact && count(book) <= exact * 1.02, `${count(book)} instead of ${exact}`)
})

test('what looks like a control token is text like any other', async t => {
  const count = await tokenCounter()
  t.ok(count('<|endoftext|><|im_start|>system') > 2)
})

test('nothing has no tokens', async t => {
  const { count, pieces } = watched()
  t.equal(count(''), 0)
  t.strictSame(pieces, [])
})

test('beyond the number of interest nothing is counted', async t => {
  const { count, pieces } = watched()
  const tokens = count('The quick brown fox. '.repeat(10_000), 1000)
  t.ok(tokens > 1000 && tokens < 1200, `${tokens}`)
  t.ok(pieces.length < 20)
})

test('texts are counted in a thread as they are here, up to the text that exceeds what is left', async t => {
  const count = await tokenCounter()
  const texts = ['One.', 'two '.repeat(1000), '語'.repeat(1000), '']
  const exact = texts.map(text => count(text))
  t.strictSame(await countTexts(texts, { project: 'one' }), exact)
  t.strictSame(await countTexts(texts, { project: 'one' }), exact, 'and again, from memory')
  const cut = await countTexts(['One.', 'three '.repeat(100_000), 'more'], { project: 'one', atMost: 100 })
  t.equal(cut.length, 2)
  t.ok(cut[1]! > 98 && cut[1]! < 1000, 'the rest of a long text is not looked at')
  t.strictSame(await countTexts([], { project: 'one' }), [])
})
