import * as xlsx from '@e965/xlsx'
import { test } from 'tap'
import { DEFAULT_DOCUMENT_LIMITS } from '../../lib/retrieval/parse/document.js'
import { parseDocument } from '../../lib/retrieval/parse/parse.js'
import { zip } from './helpers/documents.js'
import { invalid, parse, textOf, unsupported } from './helpers/parse.js'

function workbook (bookType: 'xlsx' | 'xlsb' | 'biff8' | 'ods'): Uint8Array {
  const book = xlsx.utils.book_new()
  const sheet = xlsx.utils.aoa_to_sheet([['Item', 'Price', 'Sold'], ['Apple', 1.5, new Date(Date.UTC(2024, 2, 5))], ['Pear', null, 7], [], ['Größe 東京', true, 0.25]], { UTC: true })
  sheet.B2!.z = '0.00 "EUR"'
  sheet.C2!.z = 'yyyy-mm-dd'
  sheet.C5!.z = '0%'
  xlsx.utils.book_append_sheet(book, sheet, 'Prices')
  xlsx.utils.book_append_sheet(book, xlsx.utils.aoa_to_sheet([['second']]), 'More')
  return new Uint8Array(xlsx.write(book, { type: 'array', bookType, compression: true }))
}

test('a workbook is read sheet by sheet and row by row, values as they are shown', async t => {
  for (const [name, type] of [['a.xlsx', 'xlsx'], ['a.xlsb', 'xlsb'], ['a.xls', 'biff8']] as const) {
    const sections = await parse(name, workbook(type))
    t.strictSame(sections.map(({ text }) => text.split('\n')), [['Prices', 'Item\tPrice\tSold', 'Apple\t1.50 EUR\t2024-03-05', 'Pear\t\t7', 'Größe 東京\tTRUE\t25%'], ['More', 'second']], name)
  }
  await t.rejects(parse('a.xlsx', workbook('xlsx'), { extensions: 'openai' }), unsupported)
  await t.rejects(parse('a.docx', workbook('xlsx'), { extensions: 'openai' }), unsupported, 'by another name')
})

test('a table that is only called XLS is read as what it is', async t => {
  t.equal(await textOf('a.xls', '<html><table><tr><td>a<td>b</table></html>'), 'a\tb')
  t.equal(await textOf('a.xls', 'a\tb\nc\td'), 'a\tb\nc\td')
})

test('what a workbook unpacks to is bounded', async t => {
  const large = zip({ '[Content_Types].xml': '<Types/>', 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': ' '.repeat(2_000_000) })
  await t.rejects(parseDocument('a.xlsx', large, { ...DEFAULT_DOCUMENT_LIMITS, maxUnpackedBytes: 1_000_000 }), invalid('it is too large'))
})

const openDocument = (kind: string, body: string): Uint8Array => zip({
  mimetype: `application/vnd.oasis.opendocument.${kind}`,
  'content.xml': `<?xml version="1.0" encoding="UTF-8"?><office:document-content><office:automatic-styles><style:style><text:p>style</text:p></style:style></office:automatic-styles><office:body><office:${kind}>${body}</office:${kind}></office:body></office:document-content>`
})
const cell = (text: string, attributes = ''): string => `<table:table-cell ${attributes}>${text === '' ? '' : `<text:p>${text}</text:p>`}</table:table-cell>`

test('an OpenDocument text is read with its tables, notes and comments', async t => {
  const body = '<text:h>Contract</text:h><text:p>The  rent<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>by law</text:p></text:note-body></text:note> is<text:tab/>due<office:annotation><dc:creator>Ann</dc:creator><text:p>ask</text:p></office:annotation>.</text:p>' +
    `<table:table table:name="Table1"><table:table-row>${cell('Pear')}${cell('')}${cell('7')}</table:table-row></table:table><text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>`
  t.strictSame((await textOf('a.odt', openDocument('text', body))).split('\n'), ['Contract', 'The rent [Footnote: by law] is\tdue [Comment: ask].', 'Pear\t\t7', 'item'])
})

test('an OpenDocument spreadsheet is read sheet by sheet, rows without end included', async t => {
  const sheet = (name: string, rows: string): string => `<table:table table:name="${name}">${rows}</table:table>`
  const body = sheet('First', `<table:table-row>${cell('a', 'table:number-columns-repeated="2"')}${cell('b')}${cell('', 'table:number-columns-repeated="16000"')}</table:table-row><table:table-row table:number-rows-repeated="1048576">${cell('', 'table:number-columns-repeated="16384"')}</table:table-row>`) +
    sheet('Second', `<table:table-row table:number-rows-repeated="2">${cell('c')}</table:table-row>`)
  t.strictSame((await parse('a.ods', openDocument('spreadsheet', body))).map(({ text }) => text.split('\n')), [['First', 'a\ta\tb'], ['Second', 'c', 'c']])
  t.match(await textOf('a.ods', workbook('ods')), /Prices\nItem\tPrice\tSold\nApple\t1.*\nPear\t\t7/)
})

test('an OpenDocument presentation is read slide by slide', async t => {
  const page = (text: string): string => `<draw:page><draw:frame><svg:desc>A chart</svg:desc><draw:text-box><text:p>${text}</text:p></draw:text-box></draw:frame></draw:page>`
  t.strictSame(await parse('a.odp', openDocument('presentation', page('One') + page('Two'))), [{ text: 'A chart\nOne', page: 1 }, { text: 'A chart\nTwo', page: 2 }])
})

test('an encrypted OpenDocument says so', async t => {
  await t.rejects(parse('a.odt', zip({ 'content.xml': 'x', 'META-INF/manifest.xml': '<manifest:manifest><manifest:encryption-data/></manifest:manifest>' })), invalid('it is encrypted'))
})

test('a workbook in XML and a table without a page around it are read under the name XLS', async t => {
  const cell = (type: string, value: string): string => `<Cell><Data ss:Type="${type}">${value}</Data></Cell>`
  const xml = `<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Prices"><Table><Row>${cell('String', 'Apple')}${cell('Number', '1.5')}</Row></Table></Worksheet></Workbook>`
  t.equal(await textOf('a.xls', xml), 'Prices\nApple\t1.5')
  t.equal(await textOf('a.xls', '<table border=1><tr><td>Name</td><td>Total</td></tr></table>'), 'Name\tTotal')
  t.equal(await textOf('a.xls', '<style>td{mso-number-format:"0"}</style><div><table><tr><td>Name</td><td>Total</td></tr></table></div>'), 'Name\tTotal')
})
