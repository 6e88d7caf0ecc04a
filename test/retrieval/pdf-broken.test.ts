/** PDF files that have lost their end, as downloads that broke off. */
import { deflateSync } from 'node:zlib'
import { test } from 'tap'
import { pdfOf } from './helpers/documents.js'
import { rebuilt } from '../../lib/retrieval/parse/pdf/repair.js'
import { invalid, parse } from './helpers/parse.js'
import { draw, FONT, stream } from './helpers/pdf.js'

const END = { text: '', note: 'The end of the file is missing.' }
const cut = (file: Uint8Array, before: string): Uint8Array => file.slice(0, Buffer.from(file).indexOf(before))
const page = (contents: number, font = 5): string => `<< /Type /Page /Parent 6 0 R /MediaBox [0 0 612 792] /Contents ${contents} 0 R /Resources << /Font << /F1 ${font} 0 R >> >> >>`
const OBJECTS = [page(2), stream(draw([50, 700, 'Alpha'])), page(4), stream(draw([50, 700, 'Beta'])), FONT, '<< /Type /Pages /Kids [1 0 R 3 0 R] /Count 2 >>', '<< /Type /Catalog /Pages 6 0 R >>']

test('a PDF without its end is read as far as it goes, with a note', async t => {
  const file = pdfOf(OBJECTS)
  const both = [{ text: 'Alpha', page: 1 }, { text: 'Beta', page: 2 }, END]
  t.strictSame(await parse('a.pdf', cut(file, 'xref')), both, 'without the table of objects')
  t.strictSame(await parse('a.pdf', cut(file, '7 0 obj')), both, 'without the catalog')
  t.strictSame(await parse('a.pdf', cut(file, '6 0 obj')), both, 'without the list of pages')
  const listed = ['<< /Type /Catalog /Pages 6 0 R >>', stream(draw([50, 700, 'Alpha'])), page(2), '<< >>', FONT, '<< /Type /Pages /Kids [3 0 R 7 0 R] /Count 2 >>', page(2)]
  t.strictSame(await parse('a.pdf', cut(pdfOf(listed), '7 0 obj')), [{ text: 'Alpha', page: 1 }, { text: '', page: 2, note: 'Page 2 could not be read.' }, END], 'without a page that is listed')
  await t.rejects(parse('a.pdf', cut(file, '1 0 obj')), invalid())
})

test('a PDF that breaks off within a page is read up to there', async t => {
  const packed = deflateSync(Buffer.from(Array.from({ length: 400 }, (_, i) => draw([50, 780 - i, `line${i * 7919 % 1000}`])).join('\n')))
  const contents = Buffer.concat([Buffer.from(`<< /Filter /FlateDecode /Length ${packed.length} >>\nstream\n`), packed, Buffer.from('\nendstream')])
  const file = pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [3 0 R] /Count 1 >>', page(5, 4), FONT, contents])
  const [{ text } = { text: '' }] = await parse('a.pdf', file.slice(0, Buffer.from(file).indexOf(packed) + packed.length / 2))
  t.match(text, /^line0 line919/)
  t.notMatch(text, `line${399 * 7919 % 1000}`)
})

test('a PDF without its end whose objects are packed is read', async t => {
  const inner = [page(12, 11), FONT]
  const offsets = inner.map((_, i) => inner.slice(0, i).join('\n').length + (i === 0 ? 0 : 1))
  const head = `10 ${offsets[0]} 11 ${offsets[1]} `
  const packed = deflateSync(Buffer.from(head + inner.join('\n')))
  const container = Buffer.concat([Buffer.from(`1 0 obj\n<< /Type /ObjStm /N 2 /First ${head.length} /Filter /FlateDecode /Length ${packed.length} >>\nstream\n`), packed, Buffer.from('\nendstream\nendobj\n')])
  const file = Buffer.concat([Buffer.from('%PDF-1.7\n'), container, Buffer.from(`12 0 obj\n${stream(draw([50, 700, 'Packed']))}\nendobj\n`)])
  t.strictSame(await parse('a.pdf', new Uint8Array(file)), [{ text: 'Packed', page: 1 }, END])
})

test('very many streams without an end are looked through once', t => {
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(`%PDF-1.7\n${text}`))
  const streams = Array.from({ length: 120_000 }, (_, i) => `${i + 1} 0 obj\n<</Type/ObjStm/Filter/FlateDecode/First 9>>\nstream\n`).join('')
  t.equal(rebuilt(bytes(streams), 64 * 1024 * 1024), undefined)
  const blanks = `1 0 obj\n<</Type/Page/Filter${' '.repeat(3_000_000)}>>\nstream\n`
  t.equal(Buffer.from(rebuilt(bytes(blanks), 64 * 1024 * 1024)!).includes('/Kids[1 0 R]'), true)
  t.end()
})
