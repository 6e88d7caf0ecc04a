import * as xlsx from '@e965/xlsx'
import { strFromU8, unzipSync } from 'fflate'
import { test } from 'tap'
import { DEFAULT_DOCUMENT_LIMITS } from '../../lib/retrieval/parse/document.js'
import { parseDocument } from '../../lib/retrieval/parse/parse.js'
import { xls } from './helpers/compound.js'
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

test('dates are shown by formats with signs of any script, and long numbers with all their digits', async t => {
  const day = new Date(Date.UTC(2024, 2, 5, 13, 45))
  const formats = { 'dd.mm.yyyy': '05.03.2024', 'DD.MM.YYYY': '05.03.2024', 'D. MMMM YYYY': '5. March 2024', 'dd.mm.yyyy hh:mm': '05.03.2024 13:45', yyyy年m月d日: '2024年3月5日', 'd "de" mmm.': '5 de Mar.', 'TT.MM.JJJJ': '2024-03-05 13:45:00' }
  const sheet = xlsx.utils.aoa_to_sheet([Object.keys(formats).map(() => day), [4006381333931, 1e21, 0.1 + 0.2, 123456789012]], { UTC: true })
  Object.keys(formats).forEach((z, c) => { (sheet[xlsx.utils.encode_cell({ r: 0, c })] as xlsx.CellObject).z = z })
  const book = xlsx.utils.book_new()
  xlsx.utils.book_append_sheet(book, sheet, 'One')
  for (const bookType of ['xlsx', 'xlsb', 'biff8'] as const) {
    const [, dates, numbers] = (await textOf(bookType === 'biff8' ? 'a.xls' : `a.${bookType}`, new Uint8Array(xlsx.write(book, { type: 'array', bookType })))).split('\n')
    t.equal(dates, Object.values(formats).join('\t'), bookType)
    t.equal(numbers, '4006381333931\t1e+21\t0.3\t123456789012', bookType)
  }
})

test('a cell of several rows is in each of them', async t => {
  const sheet = xlsx.utils.aoa_to_sheet([['Region', 'Year', 'Sum'], ['North', 2023, 7], [null, 2024, 8], ['All', 'wide', 15]])
  sheet['!merges'] = [{ s: { r: 1, c: 0 }, e: { r: 2, c: 0 } }]
  const book = xlsx.utils.book_new()
  xlsx.utils.book_append_sheet(book, sheet, 'One')
  for (const [name, bookType] of [['a.xlsx', 'xlsx'], ['a.xlsb', 'xlsb'], ['a.xls', 'biff8'], ['a.ods', 'ods']] as const) {
    t.equal(await textOf(name, new Uint8Array(xlsx.write(book, { type: 'array', bookType }))), 'One\nRegion\tYear\tSum\nNorth\t2023\t7\nNorth\t2024\t8\nAll\twide\t15', name)
  }
})

test('text boxes of an XLS workbook are read behind the rows of their sheet, comments once', async t => {
  const long = 'Größe '.repeat(500)
  const book = xls({ One: 'first', Two: 'second' }, [{ text: 'A box\nof 東京' }, { text: long, pieces: 3 }, { text: 'a comment', type: 25 }, { text: 'A shape', type: 2 }])
  t.strictSame((await parse('a.xls', book)).map(({ text }) => text.split('\n')), [['One', 'first'], ['Two', 'second', 'A box of 東京', long.trim(), 'A shape']])
  await t.rejects(parseDocument('a.xls', book, { ...DEFAULT_DOCUMENT_LIMITS, maxCharacters: 2000 }), invalid('it is too large'))
})

test('text boxes of an XLS workbook that is cut off, or lies of their length, end', async t => {
  const whole = Buffer.from(xls({ One: 'first' }, [{ text: 'A box' }]))
  const head = whole.indexOf(Buffer.from([0xb6, 0x01, 18, 0]))
  whole.writeUInt16LE(65535, head + 4 + 10)
  t.match(await textOf('a.xls', whole), /^One\nfirst\nA box/, 'says that its text is longer than it is')
  whole.writeUInt16LE(65535, head + 4 + 18 + 2)
  t.match(await textOf('a.xls', whole), /^One\n[^]*A box/, 'its text goes on behind the end of the file')
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

/** A package of OpenDocument of these parts. */
const openPackage = (parts: Record<string, string>): Uint8Array => zip(Object.fromEntries(Object.entries(parts).map(([name, xml]) => [name, `<?xml version="1.0" encoding="UTF-8"?>${xml}`])))
const chartObject = '<office:document-content><office:body><office:chart><chart:chart><chart:title><text:p>Revenue by region</text:p></chart:title><chart:plot-area/><table:table table:name="local-table"><table:table-rows>' +
  `<table:table-row><table:table-cell><text:p>Bavaria</text:p><draw:g><svg:desc>Sheet.A2:Sheet.A3</svg:desc></draw:g></table:table-cell>${cell('4711')}</table:table-row></table:table-rows></table:table></chart:chart></office:chart></office:body></office:document-content>`
const content = (kind: string, body: string): string => `<office:document-content><office:body><office:${kind}>${body}</office:${kind}></office:body></office:document-content>`

test('equations and charts of an OpenDocument are read where they stand', async t => {
  const math = '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><mi>A</mi><mo>=</mo><mi>π</mi><msup><mi>r</mi><mn>2</mn></msup><mfrac><mn>1</mn><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow></mfrac><msqrt><mi>x</mi><mo>-</mo><mn>1</mn></msqrt></mrow><annotation encoding="StarMath 5.0">A=%pi r^2</annotation></semantics></math>'
  const object = (name: string): string => `<draw:frame><draw:object xlink:href="./${name}"/><draw:image xlink:href="./ObjectReplacements/${name}"/></draw:frame>`
  const body = `<text:p>The area ${object('Object 1')} of a disk</text:p><text:p>${object('Object 2')}</text:p><text:p>The end</text:p>`
  t.strictSame((await textOf('a.odt', openPackage({ 'content.xml': content('text', body), 'Object 1/content.xml': math, 'Object 2/content.xml': chartObject }))).split('\n'),
    ['The area A=πr^2 1/(a+b)√(x-1) of a disk', '', 'Revenue by region', 'Bavaria\t4711', 'The end'])
  t.equal(await textOf('a.odt', openPackage({ 'content.xml': content('text', '<text:p>x <draw:frame><draw:object xlink:href="Formula-0/"/></draw:frame></text:p>'), 'Formula-0/content.xml': '<math><mi>π</mi></math>' })), 'x π', 'by the address of a folder')
  const sheet = `<table:table table:name="One"><table:shapes>${object('Object 2')}</table:shapes><table:table-row>${cell('x')}</table:table-row></table:table>`
  t.strictSame((await textOf('a.ods', openPackage({ 'content.xml': content('spreadsheet', sheet).replace('<office:body>', '<office:automatic-styles><number:text>-</number:text></office:automatic-styles><office:body>'), 'styles.xml': '<office:master-styles><style:master-page><style:header><text:p>Page 1</text:p></style:header></style:master-page></office:master-styles>', 'Object 2/content.xml': chartObject }))).split('\n'), ['One', 'x', 'Revenue by region', 'Bavaria\t4711'])
  const slide = `<draw:page>${object('Object 2')}</draw:page>`
  t.strictSame(await parse('a.odp', openPackage({ 'content.xml': content('presentation', slide), 'Object 2/content.xml': chartObject })), [{ text: 'Revenue by region\nBavaria\t4711', page: 1 }])
  t.equal(await textOf('a.fodt', `<?xml version="1.0"?><office:document><office:body><office:text><text:p>The area <draw:frame><draw:object>${math}</draw:object></draw:frame></text:p></office:text></office:body></office:document>`), 'The area A=πr^2 1/(a+b)√(x-1)')
})

test('an OpenDocument text has its headers and footers, and the numbers of its lists and headings', async t => {
  const styles = '<office:document-styles><office:styles><text:outline-style><text:outline-level-style text:level="1" style:num-format="1" style:num-suffix="."/><text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/></text:outline-style>' +
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="." text:start-value="3"/><text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="(" style:num-suffix=")"/></text:list-style></office:styles>' +
    '<office:master-styles><style:master-page><style:header><text:p>Header words</text:p></style:header><style:footer><text:p>Footer words</text:p></style:footer></style:master-page></office:master-styles></office:document-styles>'
  const item = (text: string, inner = ''): string => `<text:list-item><text:p>${text}</text:p>${inner}</text:list-item>`
  const list = (items: string, attributes = 'text:style-name="L"'): string => `<text:list ${attributes}>${items}</text:list>`
  const body = `<text:h text:outline-level="1">Scope</text:h><text:h text:outline-level="2">Parts</text:h>${list(item('three', list(item('inner') + item('more'), '')) + item('four'))}<text:p>between</text:p>${list(item('five'), 'text:style-name="L" text:continue-numbering="true"')}` +
    `<text:h text:outline-level="1">End</text:h>${list(item('bullet'), 'text:style-name="B"')}`
  const automatic = '<office:automatic-styles><text:list-style style:name="B"><text:list-level-style-bullet text:level="1" text:bullet-char="•"/></text:list-style></office:automatic-styles>'
  t.strictSame((await textOf('a.odt', openPackage({ 'styles.xml': styles, 'content.xml': content('text', body).replace('<office:body>', `${automatic}<office:body>`) }))).split('\n'),
    ['Header words', '', '1. Scope', '1.1 Parts', '3. three', '(a) inner', '(b) more', '4. four', 'between', '5. five', '2. End', '* bullet', '', 'Footer words'])
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

/** A workbook of these sheets, each with what is in its `sheetData` and in its drawing, and a chart that each drawing may name. */
function drawnWorkbook (sheets: readonly { name: string, cells: string, drawing?: string }[], chart = '<c:chart/>'): Uint8Array {
  const relations = (list: readonly (readonly [type: string, target: string])[]): string =>
    `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${list.map(([type, target], i) => `<Relationship Id="rId${i + 1}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${type}" Target="${target}"/>`).join('')}</Relationships>`
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const type = (name: string): string => `application/vnd.openxmlformats-officedocument.spreadsheetml.${name}+xml`
  const overrides = [['/xl/workbook.xml', 'sheet.main'], ['/xl/styles.xml', 'styles'], ...sheets.map((_, i) => [`/xl/worksheets/sheet${i}.xml`, 'worksheet'])]
  // Not in the order of the tabs.
  const related = [...sheets.keys()].reverse()
  const entries: Record<string, string> = {
    '[Content_Types].xml': `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">${overrides.map(([part, kind]) => `<Override PartName="${part}" ContentType="${type(kind!)}"/>`).join('')}</Types>`,
    '_rels/.rels': relations([['officeDocument', 'xl/workbook.xml']]),
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>${sheets.map(({ name }, i) => `<sheet name="${name}" sheetId="${i + 1}" r:id="rId${related.indexOf(i) + 1}"/>`).join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relations([...related.map(i => ['worksheet', `worksheets/sheet${i}.xml`] as const), ['styles', 'styles.xml']]),
    'xl/styles.xml': `<styleSheet xmlns="${main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>`,
    'xl/charts/chart1.xml': chart
  }
  for (const [i, { cells, drawing }] of sheets.entries()) {
    entries[`xl/worksheets/sheet${i}.xml`] = `<worksheet xmlns="${main}" xmlns:r="r"><sheetData>${cells}</sheetData>${drawing === undefined ? '' : '<drawing r:id="rId1"/>'}</worksheet>`
    if (drawing === undefined) continue
    entries[`xl/worksheets/_rels/sheet${i}.xml.rels`] = relations([['drawing', `../drawings/drawing${i}.xml`]])
    entries[`xl/drawings/drawing${i}.xml`] = `<xdr:wsDr xmlns:xdr="x" xmlns:a="a" xmlns:mc="m"><xdr:twoCellAnchor>${drawing}</xdr:twoCellAnchor></xdr:wsDr>`
    entries[`xl/drawings/_rels/drawing${i}.xml.rels`] = relations(drawing.includes('c:chart') ? [['chart', '../charts/chart1.xml']] : [])
  }
  return zip(entries)
}

const shape = (text: string, description = ''): string => `<xdr:sp><xdr:nvSpPr><xdr:cNvPr id="2" name="TextBox 1" descr="${description}"/></xdr:nvSpPr><xdr:txBody>${text.split('\n').map(line => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`).join('')}</xdr:txBody></xdr:sp>`

test('what is drawn on a sheet is read with it: text boxes, shapes in groups, charts, pictures by what they show', async t => {
  const cells = '<row r="1"><c r="A1"><v>1</v></c></row>'
  const book = drawnWorkbook([
    { name: 'Box', cells, drawing: shape('Prices are net.\nSecond paragraph') },
    { name: 'Group', cells, drawing: `<xdr:grpSp><xdr:grpSp>${shape('inner &amp; grouped')}</xdr:grpSp>${shape('', 'a map of the sites')}</xdr:grpSp><mc:AlternateContent><mc:Choice>${shape('once')}</mc:Choice><mc:Fallback>${shape('once')}</mc:Fallback></mc:AlternateContent>` },
    { name: 'Only drawn', cells: '', drawing: '<xdr:graphicFrame><c:chart xmlns:c="c"/></xdr:graphicFrame>' },
    { name: 'Plain', cells }
  ], '<c:chartSpace xmlns:c="c" xmlns:a="a"><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Turnover by month</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:valAx><c:title><c:tx><c:rich><a:p><a:r><a:t>Thousand euros</a:t></a:r></a:p></c:rich></c:tx></c:title></c:valAx></c:plotArea></c:chart></c:chartSpace>')
  t.strictSame((await parse('a.xlsx', book)).map(({ text }) => text.split('\n')), [
    ['Box', '1', 'Prices are net.', 'Second paragraph'], ['Group', '1', 'inner & grouped', 'a map of the sites', 'once'], ['Only drawn', 'Turnover by month', 'Thousand euros'], ['Plain', '1']
  ])
})

test('shapes that are drawn over a chart are read with it', async t => {
  const related = (type: string, target: string): string => `<Relationships><Relationship Id="rId1" Type="x/${type}" Target="${target}"/></Relationships>`
  const book = unzipSync(drawnWorkbook([{ name: 'A', cells: '', drawing: '<xdr:graphicFrame><c:chart xmlns:c="c"/></xdr:graphicFrame>' }], '<c:chartSpace><c:title><a:t>Sales</a:t></c:title></c:chartSpace>'))
  const drawn = zip({ ...book, 'xl/charts/_rels/chart1.xml.rels': related('chartUserShapes', '../drawings/over.xml'), 'xl/drawings/over.xml': `<c:userShapes><cdr:relSizeAnchor>${shape('Peak in May').replaceAll('xdr:', 'cdr:')}</cdr:relSizeAnchor></c:userShapes>` })
  t.equal(await textOf('a.xlsx', drawn), 'A\nSales\nPeak in May')
})

test('what is drawn in a binary workbook belongs to its own sheet, however the sheets are listed', async t => {
  const book = unzipSync(workbook('xlsb'))
  const list = strFromU8(book['xl/_rels/workbook.bin.rels']!)
  const entries = [...list.matchAll(/<Relationship [^>]*>/g)].map(([entry]) => entry)
  const drawn = zip({
    ...book,
    'xl/_rels/workbook.bin.rels': list.replace(/<Relationship .*(?=<\/Relationships>)/s, entries.reverse().join('')),
    'xl/worksheets/_rels/sheet1.bin.rels': '<Relationships><Relationship Id="rId1" Type="x/drawing" Target="../drawings/drawing1.xml"/></Relationships>',
    'xl/drawings/drawing1.xml': `<xdr:wsDr>${shape('Net prices')}</xdr:wsDr>`
  })
  t.match((await parse('a.xlsb', drawn)).map(({ text }) => text), [/^Prices\n[^]*\nNet prices$/, /^More\nsecond$/])
})

test('a cell of an OpenDocument that has a value without its text shows the value', async t => {
  const value = (attributes: string): string => `<table:table-cell ${attributes}/>`
  const row = [value('office:value-type="date" office:date-value="2024-03-05T13:45:00"'), value('office:value-type="float" office:value="1.5"'), value('office:value-type="string" office:string-value="words"'), cell('shown', 'office:value-type="float" office:value="2"')]
  t.equal(await textOf('a.ods', openDocument('spreadsheet', `<table:table table:name="P"><table:table-row>${row.join('')}</table:table-row></table:table>`)), 'P\n2024-03-05T13:45:00\t1.5\twords\tshown')
})

test('a date that a cell has as text of ISO 8601 is one with and without a format', async t => {
  const values = ['2024-03-05', '2024-03-05T10:20:30', '10:20:30']
  const cells = `<row r="1">${values.map((value, i) => `<c r="${'ABC'[i]}1" t="d"><v>${value}</v></c>`).join('')}<c r="D1" t="d" s="1"><v>2024-03-05</v></c><c r="E1"><v>45356</v></c></row>`
  t.equal(await textOf('a.xlsx', drawnWorkbook([{ name: 'Dates', cells }])), 'Dates\n2024-03-05\t2024-03-05 10:20:30\t10:20:30\t3/5/24\t45356')
})
