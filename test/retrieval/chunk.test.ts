import { test } from 'tap'
import { tokenCounter } from '../../lib/models/tokens.js'
import { chunks, type Chunk } from '../../lib/retrieval/chunk.js'
import type { Section } from '../../lib/retrieval/parse/document.js'

const cut = async (sections: Section[], size = 100, overlap = 50, maxTokens = Infinity): Promise<Chunk[]> =>
  [...chunks(sections, { size, overlap }, await tokenCounter(), maxTokens)]
const prose = Array.from({ length: 400 }, (_, i) => `word${i} and some more.`).join(' ')

test('no chunk is larger than it may be, and each repeats the end of the one before', async t => {
  const count = await tokenCounter()
  const found = await cut([{ text: prose }])
  t.ok(found.length > 10)
  found.forEach((chunk, i) => {
    t.ok(chunk.tokens <= 100 && count(chunk.text) <= 101, `${count(chunk.text)} tokens`)
    t.equal(prose.slice(chunk.start, chunk.start + chunk.text.length), chunk.text, 'the offset is that of the text')
    const before = found[i - 1]
    if (before === undefined) return
    const shared = before.start + before.text.length - chunk.start
    t.ok(shared > 0, 'overlaps')
    t.ok(count(before.text.slice(-shared)) <= 51, 'by no more than asked for')
  })
  t.equal(found.at(-1)!.start + found.at(-1)!.text.length, prose.length, 'nothing is lost')
})

test('without an overlap the chunks together are the text', async t => {
  const found = await cut([{ text: prose }], 100, 0)
  t.equal(found.map(({ text }) => text).join(' '), prose)
})

test('a short text is one chunk', async t => {
  t.match(await cut([{ text: '  Hello there. \n' }]), [{ text: 'Hello there.', start: 2 }])
})

test('a chunk knows the page it begins on', async t => {
  const found = await cut([{ text: prose, page: 1 }, { text: '', page: 2 }, { text: prose, page: 3 }])
  t.equal(found[0]?.page, 1)
  t.equal(found.at(-1)?.page, 3)
  t.strictSame([...new Set(found.map(({ page }) => page))], [1, 3])
})

test('text that is made to be hard to encode takes no longer than any other', async t => {
  const hostile = ['a'.repeat(1_000_000), ' '.repeat(1_000_000) + 'x', '\u{1F469}\u200d'.repeat(100_000), 'a̶'.repeat(200_000)]
  for (const text of hostile) {
    const found = await cut([{ text }], 100, 50)
    t.ok(found.every(({ tokens }) => tokens <= 100))
    t.notMatch(found.map(chunk => chunk.text).join(''), /[\ud800-\udbff](?![\udc00-\udfff])/, 'no character is cut in two')
  }
})

test('a document of more tokens than allowed is refused', async t => {
  await t.rejects(cut([{ text: prose }], 100, 0, 500), { code: 'invalid_file', message: 'The file could not be parsed because it is too large.' })
})
