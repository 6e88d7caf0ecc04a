import { test } from 'tap'
import { DocumentReader } from '../../lib/retrieval/document-reader.js'
import { DEFAULT_DOCUMENT_LIMITS } from '../../lib/retrieval/parse/document.js'
import { parseDocument } from '../../lib/retrieval/parse/parse.js'
import { systemClock } from '../../lib/shared/clock.js'
import { msg } from './helpers/compound.js'
import { docx, docxOf, zip } from './helpers/documents.js'
import { invalid, parse, textOf } from './helpers/parse.js'

const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const relationships = (list: readonly (readonly [id: string, type: string, target: string])[]): string =>
  `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${list.map(([id, type, target]) => `<Relationship Id="${id}" Type="${OFFICE}/${type}" Target="${target}"/>`).join('')}</Relationships>`
const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

/** A workbook with one sheet of these rows. */
function sheetOf (rows: string): Uint8Array {
  const type = (part: string, name: string): string => `<Override PartName="/xl/${part}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.${name}+xml"/>`
  return zip({
    '[Content_Types].xml': `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>${type('workbook', 'sheet.main')}${type('sheet1', 'worksheet')}</Types>`,
    '_rels/.rels': relationships([['rId1', 'officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="${OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relationships([['rId1', 'worksheet', 'sheet1.xml']]),
    'xl/sheet1.xml': `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>${rows}</sheetData></worksheet>`
  })
}

const cellAt = (place: string): string => `<row r="${/\d+/.exec(place)![0]}"><c r="${place}"><v>1</v></c></row>`

test('a cell that claims a place beyond the largest sheet is not filled up to', async t => {
  t.match(await textOf('a.xlsx', sheetOf(cellAt('XFD1'))), /^S\n\t+1$/, 'the last column')
  t.equal(await textOf('a.xlsx', sheetOf(cellAt('A1048576'))), 'S\n1', 'the last row')
  for (const place of ['XFE1', 'A1048577', 'A4294967290']) await t.rejects(parse('a.xlsx', sheetOf(cellAt(place))), invalid('it is too large'), place)
})

test('a sheet of one cell does not take the whole process along', async t => {
  const reader = new DocumentReader({ clock: systemClock })
  t.teardown(async () => await reader.close())
  await t.rejects(reader.read({ filename: 'a.xlsx', bytes: sheetOf(cellAt('XFDZZZ1')), chunking: { size: 800, overlap: 400 } }).next(), { code: 'invalid_file' })
  t.match(await reader.read({ filename: 'a.txt', bytes: new TextEncoder().encode('Still there.'), chunking: { size: 800, overlap: 400 } }).next(), { value: [{ text: 'Still there.' }] })
})

test('a chapter that a book names often is read once', async t => {
  const ids = times(20_000, i => `i${i}`)
  const book = zip({
    'META-INF/container.xml': '<container><rootfile full-path="a.opf"/></container>',
    'a.opf': `<package><manifest>${ids.map(id => `<item id="${id}" href="one.xhtml"/>`).join('')}<item id="two" href="two.xhtml"/></manifest><spine>${ids.map(id => `<itemref idref="${id}"/>`).join('')}<itemref idref="two"/></spine></package>`,
    'one.xhtml': `<p>One${' '.repeat(50_000)}</p>`,
    'two.xhtml': '<p>Two</p>'
  })
  t.strictSame((await parse('a.epub', book)).map(({ text }) => text), ['One', 'Two'])
})

test('a part that a document names often is read once', async t => {
  const names = times(20_000, i => `r${i}`)
  const document = (type: string, target: string, content: string): Uint8Array => zip({
    '_rels/.rels': relationships([['rId1', 'officeDocument', 'word/document.xml']]),
    'word/document.xml': '<w:document xmlns:r="r"><w:body><w:p><w:r><w:t>Body</w:t></w:r></w:p><w:altChunk r:id="r0"/><w:altChunk r:id="r19999"/></w:body></w:document>',
    'word/_rels/document.xml.rels': relationships(names.map(name => [name, type, target])),
    [`word/${target}`]: content
  })
  const blank = ' '.repeat(50_000)
  t.equal(await textOf('a.docx', document('header', 'h.xml', `<w:hdr><w:p><w:r><w:t>Head</w:t></w:r></w:p>${blank}</w:hdr>`)), 'Head\n\nBody')
  t.equal(await textOf('a.docx', document('aFChunk', 'c.html', `<p>Chunk</p>${blank}`)), 'Body\nChunk\nChunk')
})

test('what a document shows often counts as often', async t => {
  const chunk = docxOf('<w:altChunk r:id="aFChunk"/>'.repeat(2000), { aFChunk: `<p>${'word '.repeat(1000)}</p>` })
  await t.rejects(parseDocument('a.docx', chunk, { ...DEFAULT_DOCUMENT_LIMITS, maxCharacters: 1_000_000 }), invalid('it is too large'))
})

test('documents within documents are read up to a number, however they are nested', async t => {
  const holding = (inner: Uint8Array, level: number): Uint8Array => {
    const names = times(10, i => `r${i}`)
    return zip({
      '_rels/.rels': relationships([['rId1', 'officeDocument', 'word/document.xml']]),
      'word/document.xml': `<w:document xmlns:r="r"><w:body><w:p><w:r><w:t>Level ${level}</w:t></w:r></w:p>${names.map(name => `<w:altChunk r:id="${name}"/>`).join('')}</w:body></w:document>`,
      'word/_rels/document.xml.rels': relationships(names.map((name, i) => [name, 'aFChunk', `c${i}.docx`])),
      ...Object.fromEntries(names.map((_, i) => [`word/c${i}.docx`, inner]))
    })
  }
  const text = await textOf('a.docx', holding(holding(holding(docx(['Level 3']), 2), 1), 0))
  const read = text.match(/Level \d/g)!.length
  t.ok(read > 100 && read <= 301, `${read} of 1111`)
})

test('a message whose sectors or folders lead back to themselves is refused', async t => {
  const whole = msg({ subject: 'Hello', body: 'Words. '.repeat(1000), from: 'Ann', to: 'Bob', attachment: ['a.txt', new Uint8Array(9000).fill(65)] })
  t.match(await textOf('a.msg', whole), 'Subject: Hello')
  const changed = (change: (file: Buffer) => void): Uint8Array => {
    const file = Buffer.from(whole)
    change(file)
    return new Uint8Array(file)
  }
  const END_OF_CHAIN = 0xfffffffe
  const sector = (file: Buffer, header: number): number => (file.readUInt32LE(header) + 1) * 512
  const looped = (header: number): Uint8Array => changed(file => {
    for (let i = 0, at = sector(file, header); i < 128; i++) if (file.readUInt32LE(at + 4 * i) === END_OF_CHAIN) file.writeUInt32LE(i, at + 4 * i)
  })
  const folders = changed(file => {
    for (let i = 0; i < 4; i++) for (const field of [68, 72, 76]) file.writeUInt32LE(field === 72 ? 1 : 0, sector(file, 48) + 128 * i + field)
  })
  for (const [name, bytes] of Object.entries({ sectors: looped(76), 'small sectors': looped(60), folders })) await t.rejects(parse('a.msg', bytes), invalid('its parts lead back to themselves'), name)
})

test('cells that ask to be repeated without end are so up to a number', async t => {
  const cells = times(200, () => `<td rowspan=65000>${'x'.repeat(200)}`).join('')
  const text = await textOf('a.html', `<table><tr>${cells}${times(20_000, () => '<tr><td>y').join('')}</table>`)
  t.ok(text.length < 3_000_000, `${text.length} characters`)
  t.equal(text.match(/y/g)?.length, 20_000, 'their own cells are read')
})

test('text that looks like the beginning of a title, or of Chinese, all along is read in time', async t => {
  t.match(await textOf('a.html', `<p>before</p>${'<title '.repeat(300_000)}`), 'before')
  t.match(await textOf('a.txt', `# coding: hz-gb-2312\n${'~{'.repeat(300_000)}`), 'coding')
})
