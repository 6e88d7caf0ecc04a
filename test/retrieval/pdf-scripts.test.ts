/** PDF as programs print other scripts than Latin, and fonts without a map to characters. */
import { test } from 'tap'
import { textOf } from './helpers/parse.js'
import { draw, page, stream } from './helpers/pdf.js'

const hex = (text: string): string => Buffer.from(text, 'utf16le').swap16().toString('hex')
/** A font whose codes from 0x21 on stand for these characters. */
function fontFor (characters: readonly string[]): { fonts: string, objects: string[] } {
  const map = `/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <ff> endcodespacerange ${characters.length} beginbfchar\n${characters.map((character, i) => `<${(0x21 + i).toString(16)}> <${hex(character)}>`).join('\n')}\nendbfchar endcmap end end`
  return {
    fonts: '/F2 6 0 R',
    objects: [`<< /Type /Font /Subtype /TrueType /BaseFont /X /FirstChar 33 /LastChar ${32 + characters.length} /Widths [${characters.map(() => 500).join(' ')}] /ToUnicode 7 0 R >>`, stream(map)]
  }
}
/** Draws texts of that font, each at its place. */
const placed = (characters: readonly string[], ...texts: [x: number, text: string][]): string => texts.map(([x, text]) =>
  `BT /F2 10 Tf ${x} 700 Td <${[...text].map(character => (0x21 + characters.indexOf(character)).toString(16)).join('')}> Tj ET`).join('\n')

const HEBREW = [...'שלוםעולטבדר()', ...'ab2']

test('Hebrew and Arabic that are drawn from left to right are read from right to left', async t => {
  // Letters are 5 wide, and words are 3 apart. What a program draws from left to right is "םלוע םולש".
  const visual = (text: string, from: number): [number, string][] => [...text].map((character, i): [number, string] => [from + 5 * i, character]).filter(([, character]) => character !== ' ')
  const font = fontFor(HEBREW)
  t.equal(await textOf('a.pdf', page(placed(HEBREW, ...visual('םלוע', 100), ...visual('םולש', 123)), font)), 'שלום עולם', 'letter by letter')
  t.equal(await textOf('a.pdf', page(placed(HEBREW, [100, 'בוט'], [118, 'ab2'], [136, 'םולש']), font)), 'שלום ab2 טוב', 'with a word of another script between')
  t.equal(await textOf('a.pdf', page(placed(HEBREW, [100, '('], [105, 'רבד'], [120, ')'], [128, 'םולש']), font)), 'שלום (דבר)', 'brackets as they look')
  t.equal(await textOf('a.pdf', page(placed(HEBREW, [136, 'םולש'], [118, 'ab2'], [100, 'בוט']), font)), 'שלום ab2 טוב', 'from the right')
  const arabic = [...'\uFEB4\uFE92\uFE8E\uFEE3\uFEFB']
  t.equal(await textOf('a.pdf', page(placed(arabic, [100, '\uFE8E'], [105, '\uFE92'], [110, '\uFEE3']), fontFor(arabic))), 'مبا', 'letters of a font')
})

test('radicals that a font has for characters are the characters', async t => {
  const characters = [...'⾦額⻑⻓⾼']
  t.equal(await textOf('a.pdf', page(placed(characters, [100, '⾦額⻑⻓⾼']), fontFor(characters))), '金額長长高')
})

test('the glyphs of a font without a map to characters are read by their usual order', async t => {
  const font = ['<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [7 0 R] >>',
    '<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 500 /FontDescriptor 8 0 R >>',
    '<< /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>']
  const glyphs = (text: string): string => [...text].map(character => (character.charCodeAt(0) - 29).toString(16).padStart(4, '0')).join('')
  const drawn = (text: string): string => `BT /F2 10 Tf 50 700 Td <${glyphs(text)}> Tj ET`
  t.equal(await textOf('a.pdf', page(drawn('The rent of 2024 is due on the first day'), { fonts: '/F2 6 0 R', objects: font })), 'The rent of 2024 is due on the first day')
})

test('raised digits make no other number or word of what is before them', async t => {
  const raised = (x: number, text: string): string => `BT /F1 6 Tf ${x} 704 Td (${text}) Tj ET`
  // Helvetica: "10" is 11.12 wide at a size of 10, "Smith" 25.56.
  t.equal(await textOf('a.pdf', page(`${draw([50, 700, '10'])}\n${raised(61.2, '6')}`)), '10^6')
  t.equal(await textOf('a.pdf', page(`${draw([50, 700, 'Smith'])}\n${raised(75.7, '1')}`)), 'Smith 1')
})
