import { test } from 'tap'
import { CitationAnnotator, markerOf } from '../../lib/tools/file-search/citations.js'
import type { AnnotatedText } from '../../lib/tools/built-in-tool.js'

const source = (search: number | undefined, result: number): string | undefined =>
  (search === undefined || search === 0) && result < 2 ? `file-${result}` : undefined

/** What is published with each piece of a text, and at its end. */
function published (...pieces: string[]): AnnotatedText[][] {
  const annotator = new CitationAnnotator(source)
  return [...pieces.map(piece => annotator.push(piece)), annotator.end()]
}

/** The same in short: plain text as it is, a marker with its file behind an equals sign. */
const told = (...pieces: string[]): string[][] => published(...pieces).map(texts => texts.map(({ value, annotations: [citation] }) =>
  citation?.type === 'file_citation' ? `${value}=${citation.file_citation.file_id}` : value))

test('a marker that stands for a result is a piece of its own, with its citation', t => {
  t.strictSame(published('It rains \u{1F327}\u{1F327} a lot【0:1†weather.txt】, they say.'), [[
    { value: 'It rains \u{1F327}\u{1F327} a lot', annotations: [] },
    { value: '【0:1†weather.txt】', annotations: [{ type: 'file_citation', text: '【0:1†weather.txt】', start_index: 0, end_index: 17, file_citation: { file_id: 'file-1' } }] },
    { value: ', they say.', annotations: [] }
  ], []])
  t.end()
})

test('what may become a marker is held back until it is one', t => {
  t.strictSame(told('So', ' it is【', '0', ':1', '†', 'a.', 'txt', '】', '.'), [['So'], [' it is'], [], [], [], [], [], ['【0:1†a.txt】=file-1'], ['.'], []])
  t.strictSame(told('【0:0†a】【0:1', '†b】【'), [['【0:0†a】=file-0'], ['【0:1†b】=file-1'], ['【']])
  t.end()
})

test('what cannot become a marker any more goes on at once', t => {
  t.strictSame(told('a【', 'b】'), [['a'], ['【b】'], []])
  t.strictSame(told('【0:', ':'), [[], ['【0::'], []])
  t.strictSame(told('【1234567'), [['【1234567'], []])
  t.strictSame(told('【0†', '【0:0†x', '】'), [[], ['【0†'], ['【0:0†x】=file-0'], []])
  t.strictSame(told('【0:0†', 'x'.repeat(512), 'x', '】'), [[], [], [`【0:0†${'x'.repeat(513)}`], ['】'], []])
  t.end()
})

test('what is held back when the text ends is part of it', t => {
  t.strictSame(told('See 【0:0†no'), [['See '], ['【0:0†no']])
  t.end()
})

test('a marker that stands for nothing is text like any other', t => {
  const text = '【7:0†a.txt】【0:9†a.txt】【a:b†c】【】【0:0】【x'
  t.strictSame(told(text), [[text], []])
  t.end()
})

test('however the text is cut, no word is lost and the citations are the same', t => {
  const text = 'One【0:0†a.txt】【0:1†b.txt】 two 【 three【0:1†c】【0:'
  for (let size = 1; size <= text.length; size++) {
    const pieces = told(...text.match(new RegExp(`[^]{1,${size}}`, 'gu'))!).flat()
    t.strictSame(pieces.filter(piece => piece.includes('=')), ['【0:0†a.txt】=file-0', '【0:1†b.txt】=file-1', '【0:1†c】=file-1'], `pieces of ${size}`)
    t.equal(pieces.map(piece => piece.replace(/=file-\d/, '')).join(''), text)
  }
  t.end()
})

test('the older form names a result of the last search', t => {
  t.strictSame(told('so【1†source】'), [['so', '【1†source】=file-1'], []])
  t.end()
})

test('a marker can be written for any name', t => {
  t.strictSame(told(markerOf(0, 1, 'odd【name】†.txt')), [['【0:1†odd_name__.txt】=file-1'], []])
  t.end()
})

test('a text of a million brackets costs no more than reading it', t => {
  t.equal(told('【'.repeat(1_000_000), '【0:'.repeat(300_000)).flat().join('').length, 1_900_000)
  t.end()
})
