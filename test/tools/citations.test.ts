import { test } from 'tap'
import { CitationFinder, markerOf, type FileCitation } from '../../lib/tools/file-search/citations.js'

const source = (search: number | undefined, result: number): string | undefined =>
  (search === undefined || search === 0) && result < 2 ? `file-${result}` : undefined

function find (...pieces: string[]): FileCitation[] {
  const finder = new CitationFinder(source)
  return pieces.flatMap(piece => finder.push(piece))
}

test('a marker that stands for a result is a citation at its exact place', async t => {
  const text = 'It rains \u{1F327}\u{1F327} a lot【0:1†weather.txt】, they say【0:0†b.md】.'
  const found = find(text)
  t.strictSame(found.map(({ file_citation: { file_id: id } }) => id), ['file-1', 'file-0'])
  for (const { text: marker, start_index: start, end_index: end } of found) t.equal(text.slice(start, end), marker)
})

test('however the text is cut, the citations are the same, each with the piece that completes it', async t => {
  const text = 'One【0:0†a.txt】【0:1†b.txt】 two 【 three【0:1†c】'
  const whole = find(text)
  t.equal(whole.length, 3)
  for (let size = 1; size <= text.length; size++) t.strictSame(find(...text.match(new RegExp(`[^]{1,${size}}`, 'g'))!), whole, `pieces of ${size}`)
  const finder = new CitationFinder(source)
  t.strictSame([finder.push('x【0:0†a').length, finder.push('.txt').length, finder.push('】').length, finder.push('】').length], [0, 0, 1, 0])
})

test('a marker that stands for nothing stays bare text', async t => {
  t.strictSame(find('【7:0†a.txt】【0:9†a.txt】【a:b†c】【】【0:0】【0†'), [])
  t.strictSame(find('【' + 'x'.repeat(5000), '0:0†a】'), [])
})

test('the older form names a result of the last search', async t => {
  t.match(find('so【1†source】'), [{ text: '【1†source】', start_index: 2, file_citation: { file_id: 'file-1' } }])
})

test('a marker can be written for any name', async t => {
  t.match(find(markerOf(0, 1, 'odd【name】†.txt')), [{ file_citation: { file_id: 'file-1' } }])
})
