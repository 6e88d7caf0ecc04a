/** What stands on the pages of PDF files in another way than it is read: glyphs that stand for other characters, letters set apart, columns of characters. */
import { test } from 'tap'
import { joinHyphens } from '../../lib/retrieval/parse/pdf/hyphens.js'
import { textOf } from './helpers/parse.js'
import { draw, page } from './helpers/pdf.js'

const hex = (text: string): string => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16().toString('hex')
const span = (text: string, drawn: string): string => `/Span <</ActualText <${hex(text)}>>> BDC ${drawn} EMC`
const lines = async (content: string, options?: Parameters<typeof page>[1]): Promise<string[]> => (await textOf('a.pdf', page(content, options))).split('\n')
const text = (...parts: string[]): string => `BT /F1 10 Tf 50 700 Td ${parts.join(' ')} ET`

test('glyphs are read as what a file says they stand for', async t => {
  t.strictSame(await lines(text('(a) Tj', span('ช่', '(x) Tj (y) Tj'), '(b) Tj')), ['aช่b'], 'a letter and its tone')
  t.strictSame(await lines(text(span('क्षे', '(qr) Tj'), '( ) Tj', span('त्र', '(s) Tj'))), ['क्षे त्र'], 'clusters of Devanagari')
  t.strictSame(await lines(text('(o) Tj', span('ffi', '(#) Tj'), '(ce) Tj')), ['office'], 'a ligature')
  t.strictSame(await lines(text('/Span <</ActualText (na\\357ve\\240\\226)>> BDC (n) Tj EMC')), ['naïve€Œ'], 'in the encoding of PDF')
  t.strictSame(await lines(text('/Span /P0 BDC (?) Tj EMC', '(ly) Tj'), { fonts: '>> /Properties << /P0 << /ActualText (final) >>' }), ['finally'], 'by name')
  t.strictSame(await lines(text(span('whole', `(wh) Tj ${span('part', '(o) Tj')} /X BMC (l) Tj EMC (e) Tj`), '( and) Tj')), ['whole and'], 'a part within')
  t.strictSame(await lines(text(span('', '(.....) Tj'), '(12) Tj')), ['12'], 'nothing')
  t.strictSame(await lines(`${draw([50, 700, 'Our'])} ${span(' logo', '10 10 m 20 20 l S')} ${draw([90, 700, 'here'])}`), ['Our logo here'], 'lines')
  t.strictSame(await lines(text('/Span <</ActualText (open)>> BDC (as drawn) Tj')), ['as drawn'], 'without an end')
  t.strictSame(await lines(`${span('one two', `${draw([50, 700, 'one'])} ${draw([50, 680, 'two'])}`)} ${draw([80, 680, 'three'])}`), ['one', 'two three'], 'what is drawn as it is said keeps its lines')
})

test('a hyphen that is there for the line only is not read', async t => {
  t.strictSame(await lines(text('(a new devel) Tj', span('\u00AD', '(-) Tj'), '0 -12 Td (opment) Tj')), ['a new development'])
  t.strictSame(await lines(text('(eine Umwelt) Tj', span('\u00AD', '(-) Tj'), '0 -12 Td (und mehr) Tj')), ['eine Umweltund', 'mehr'], 'before a word that joins others')
  t.strictSame(await lines(text('(Donau) Tj', span('\u00AD', '() Tj'), '(dampf) Tj')), ['Donaudampf'], 'within a line')
  t.strictSame(await lines(text('(the end) Tj', span('\u00AD', '(-) Tj'))), ['the end-'], 'with nothing after it')
})

test('a line of very many hyphens that may be there is looked through once', t => {
  t.strictSame(joinHyphens([`${'\u00AD'.repeat(1_000_000)}x`, 'y']), ['x', 'y'])
  t.end()
})

test('words whose letters are set apart are words', async t => {
  const spaced = (word: string, gap: number): string => `[${[...word].map(letter => `(${letter})`).join(` ${-gap} `)}] TJ`
  const line = (gap: number, ...words: string[]): string => `BT /F1 10 Tf 50 700 Td ${words.map((word, i) => `${i === 0 ? '' : `[${-gap} ( ) ${-gap}] TJ `}${spaced(word, gap)}`).join(' ')} ET`
  for (const gap of [120, 160, 200, 300, 400]) t.strictSame(await lines(line(gap, 'ANNUAL', 'REPORT', '2024')), ['ANNUAL REPORT 2024'], `${gap} thousandths`)
  t.strictSame(await lines(line(600, 'ANNUAL', 'REPORT')), ['ANNUAL REPORT'], 'far apart')
  t.strictSame(await lines(`BT /F1 10 Tf 50 700 Td (Die ) Tj ${spaced('Gesellschaft', 250)} ( wurde) Tj ET`), ['Die Gesellschaft wurde'], 'for emphasis')
  t.strictSame(await lines(draw([50, 700, 'A B C D E F G H'], [50, 680, 'plan A or B or C'], [50, 660, '1 2 3 4 5 6'])), ['A B C D E F G H', 'plan A or B or C', '1 2 3 4 5 6'], 'lists of letters and digits are not')
  t.strictSame(await lines(draw(...[...'BADCAF'].map((grade, i): [number, number, string] => [50 + 30 * i, 700, grade]))), ['B A D C A F'], 'cells are not')
})

test('characters in columns from the top are lines, with what is turned between them', async t => {
  const codes = (characters: string): string => Buffer.from(characters, 'utf16le').swap16().toString('hex')
  const fonts = '/F2 6 0 R'
  const objects = ['<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /UniJIS-UTF16-H /DescendantFonts [7 0 R] >>',
    '<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /DW 1000 /FontDescriptor 8 0 R >>',
    '<< /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>']
  const column = (x: number, top: number, characters: string): string => [...characters].map((character, i) => `BT /F2 10 Tf ${x} ${top - 10 * i} Td <${codes(character)}> Tj ET`).join('\n')
  t.strictSame(await lines(`${column(200, 700, '契約の期間は')}\n${column(180, 700, '二年とする。')}`, { fonts, objects }), ['契約の期間は', '二年とする。'])
  // Helvetica: "2024" is 22.24 wide.
  const turned = 'BT /F1 10 Tf 0 -1 1 0 161.2 678.8 Tm (2024) Tj ET'
  t.strictSame(await lines(`${column(160, 700, '東京都')}\n${turned}\n${column(160, 647.7, '年')}`, { fonts, objects }), ['東京都2024年'])
  t.strictSame(await lines(`${column(160, 700, '一二')} ${draw([300, 690, 'beside'])}`, { fonts, objects }), ['一', '二 beside'], 'two are no column')
})
