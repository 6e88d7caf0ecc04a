import { test } from 'tap'
import { docx, docxOf, zip } from './helpers/documents.js'
import { textOf } from './helpers/parse.js'

const run = (text: string): string => `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`
const paragraph = (text: string): string => `<w:p>${run(text)}</w:p>`
const cell = (...texts: string[]): string => `<w:tc>${texts.map(paragraph).join('')}</w:tc>`
const lines = async (body: string, parts = {}): Promise<string[]> => (await textOf('a.docx', docxOf(body, parts))).split('\n').filter(line => line !== '')

test('a table is read row by row, empty cells and tables within cells included', async t => {
  t.strictSame(await lines(`<w:tbl><w:tr>${cell('Item')}${cell('Price')}</w:tr><w:tr>${cell('Pear')}<w:tc><w:p/></w:tc>${cell('7')}</w:tr></w:tbl>${paragraph('after')}`),
    ['Item\tPrice', 'Pear\t\t7', 'after'])
  t.strictSame(await lines(`<w:tbl><w:tr>${cell('two', 'paragraphs')}<w:tc><w:tbl><w:tr>${cell('a')}${cell('b')}</w:tr></w:tbl><w:p/></w:tc></w:tr></w:tbl>`), ['two paragraphs\ta b'])
})

test('notes and comments stand after the paragraph that refers to them', async t => {
  const part = (root: string, element: string, id: number, text: string): string => `<w:${root}><w:${element} w:id="-1"><w:p/></w:${element}><w:${element} w:id="${id}" w:author="Ann">${paragraph(text)}</w:${element}></w:${root}>`
  const body = `<w:p>${run('The rent')}<w:r><w:footnoteReference w:id="2"/></w:r>${run(' is due')}<w:r><w:endnoteReference w:id="3"/></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>${paragraph('Next.')}`
  t.strictSame(await lines(body, {
    footnotes: part('footnotes', 'footnote', 2, 'cold'), endnotes: part('endnotes', 'endnote', 3, 'by law'), comments: part('comments', 'comment', 0, 'ask')
  }), ['The rent is due', '[Footnote: cold]', '[Endnote: by law]', '[Comment by Ann: ask]', 'Next.'])
})

test('headers come first, footers last, each once', async t => {
  const header = `<w:hdr>${paragraph('Contract 4711')}</w:hdr>`
  t.strictSame(await lines(paragraph('Body.'), { header, header2: header, footer: `<w:ftr>${paragraph('Page 1')}</w:ftr>` }), ['Contract 4711', 'Body.', 'Page 1'])
})

test('equations are written on one line', async t => {
  const math = (text: string): string => `<m:r><m:t>${text}</m:t></m:r>`
  const fraction = `<m:f><m:num>${math('a+b')}</m:num><m:den>${math('c')}</m:den></m:f>`
  const root = `<m:rad><m:radPr/><m:deg/><m:e>${math('x')}</m:e></m:rad>`
  const sum = `<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>${math('i=1')}</m:sub><m:sup>${math('n')}</m:sup><m:e>${math('i')}</m:e></m:nary>`
  t.strictSame(await lines(`<w:p>${run('It is ')}<m:oMath>${fraction}${math('=')}${root}</m:oMath>${run('.')}</w:p><w:p><m:oMathPara><m:oMath>${sum}</m:oMath></m:oMathPara></w:p>`),
    ['It is (a+b)/c=√(x).', '∑_(i=1)^ni'])
})

test('paragraphs are numbered as Word shows them', async t => {
  const level = (i: number, format: string, text: string): string => `<w:lvl w:ilvl="${i}"><w:start w:val="1"/><w:numFmt w:val="${format}"/><w:lvlText w:val="${text}"/></w:lvl>`
  const numbering = `<w:numbering><w:abstractNum w:abstractNumId="0">${level(0, 'decimal', '§ %1')}${level(1, 'lowerLetter', '(%2)')}${level(2, 'upperRoman', '%1.%3')}</w:abstractNum>
    <w:abstractNum w:abstractNumId="1">${level(0, 'bullet', '·')}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num></w:numbering>`
  const styles = '<w:styles><w:style w:styleId="Clause"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style><w:style w:styleId="Sub"><w:basedOn w:val="Clause"/></w:style></w:styles>'
  const item = (text: string, list: number, depth: number): string => `<w:p><w:pPr><w:numPr><w:ilvl w:val="${depth}"/><w:numId w:val="${list}"/></w:numPr></w:pPr>${run(text)}</w:p>`
  const styled = (text: string): string => `<w:p><w:pPr><w:pStyle w:val="Sub"/></w:pPr>${run(text)}</w:p>`
  t.strictSame(await lines(item('Rent', 1, 0) + item('monthly', 1, 1) + item('in advance', 1, 1) + item('deep', 1, 2) + styled('Deposit') + item('dot', 2, 0) + item('first again', 1, 1), { numbering, styles }),
    ['§ 1 Rent', '(a) monthly', '(b) in advance', '1.I deep', '§ 2 Deposit', '* dot', '(a) first again'])
})

test('what was deleted is left out; insertions, fields, controls and text boxes are read once', async t => {
  const box = `<mc:AlternateContent><mc:Choice><w:drawing><wp:docPr descr="A floor plan"/><w:txbxContent>${paragraph('in a box')}</w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>${paragraph('in a box')}</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent>`
  t.strictSame(await lines(`<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:ins>${run('new ')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:moveFrom>${run('moved away')}</w:moveFrom>${run('text')}<w:r>${box}</w:r></w:p>`),
    ['new text', 'A floor plan', 'in a box'])
  const field = `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGEREF x </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>${run('12')}<w:r><w:fldChar w:fldCharType="end"/></w:r>`
  t.strictSame(await lines(`<w:sdt><w:sdtPr><w:alias w:val="x"/></w:sdtPr><w:sdtContent><w:p>${field}</w:p></w:sdtContent></w:sdt>`), ['12'])
})

test('charts and documents that are embedded are read where they stand', async t => {
  const chart = '<c:chartSpace><c:chart><c:title><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:title><c:ser><c:tx><c:v>2024</c:v></c:tx><c:cat><c:pt idx="0"><c:v>North</c:v></c:pt><c:pt idx="1"><c:v>South</c:v></c:pt></c:cat><c:val><c:pt idx="1"><c:v>7</c:v></c:pt></c:val></c:ser></c:chart></c:chartSpace>'
  t.strictSame(await lines(`<w:p>${run('See')}<w:r><w:drawing><c:chart r:id="chart"/></w:drawing></w:r></w:p>${paragraph('End')}`, { chart }), ['See', 'Sales', '\t2024', 'North', 'South\t7', 'End'])
  t.strictSame(await lines('<w:altChunk r:id="aFChunk"/>', { aFChunk: '<html><body><p>Embedded &amp; read</p></body></html>' }), ['Embedded & read'])
})

test('the main part is found by its relationship, whatever prefix its elements have', async t => {
  const other = zip({
    '_rels/.rels': '<r:Relationships xmlns:r="x"><r:Relationship Id="a" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/Word/Main%20Part.xml"/></r:Relationships>',
    'word/Main Part.xml': '<ns0:document><ns0:body><ns0:p><ns0:r><ns0:t>strict</ns0:t></ns0:r></ns0:p></ns0:body></ns0:document>'
  })
  t.equal(await textOf('a.docx', other), 'strict')
  const elsewhere = zip({ '_rels/.rels': '<Relationships><Relationship Id="a" Type="x/officeDocument" Target="content/a.xml"/></Relationships>', 'content/a.xml': '<w:document><w:p><w:r><w:t>elsewhere</w:t></w:r></w:p></w:document>' })
  t.equal(await textOf('a.docx', elsewhere), 'elsewhere')
})

test('a document of great depth or length is read in time', async t => {
  const deep = docx([], `${'<w:tbl><w:tr><w:tc>'.repeat(3000)}${paragraph('deep')}`)
  t.equal(await textOf('a.docx', deep), 'deep')
  const math = `<m:oMath>${'<m:sup>'.repeat(5000)}<m:r><m:t>x</m:t></m:r></m:oMath>`
  t.match(await textOf('a.docx', docx([], `<w:p>${math}</w:p>`)), 'x')
  t.match(await textOf('a.docx', docx([], paragraph('word ').repeat(100_000))), 'word')
})

test('earlier numbering of a paragraph is not its own', async t => {
  const numbering = '<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
  t.strictSame(await lines(`<w:p><w:pPr><w:pPrChange><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr></w:pPrChange></w:pPr>${run('plain')}</w:p>`, { numbering }), ['plain'])
})

test('what stands in for an empty choice is read, and lettering too', async t => {
  t.strictSame(await lines(`<w:p><mc:AlternateContent><mc:Choice Requires="ink"/><mc:Fallback>${run('only here')}</mc:Fallback></mc:AlternateContent>${run(' and')}</w:p>`), ['only here and'])
  t.strictSame(await lines(`<w:p><mc:AlternateContent><mc:Choice>${run('once')}</mc:Choice><mc:Fallback>${run('once')}</mc:Fallback></mc:AlternateContent></w:p>`), ['once'])
  t.strictSame(await lines(`<w:p><w:r><w:pict><v:shape><v:textpath string="CONFIDENTIAL"/></v:shape></w:pict></w:r>${run('body')}</w:p>`), ['body', 'CONFIDENTIAL'])
})

test('a strict document, and one in UTF-16, are read like any other', async t => {
  const strict = (part: string | Uint8Array): Uint8Array => zip({
    '_rels/.rels': '<Relationships><Relationship Id="r" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/word/document.xml"/></Relationships>', 'word/document.xml': part
  })
  t.equal(await textOf('a.docx', strict('<document xmlns="http://purl.oclc.org/ooxml/wordprocessingml/main"><body><p><r><t>strict</t></r></p></body></document>')), 'strict')
  t.equal(await textOf('a.docx', strict(new Uint8Array(Buffer.from(`\ufeff<?xml version="1.0" encoding="UTF-16"?><w:document><w:body>${paragraph('Größe 東京')}</w:body></w:document>`, 'utf16le')))), 'Größe 東京')
})

test('a cell of several rows is in each of them, and one of several columns takes them', async t => {
  const merged = (value: string, text: string): string => `<w:tc><w:tcPr><w:vMerge${value}/></w:tcPr>${text === '' ? '<w:p/>' : paragraph(text)}</w:tc>`
  const wide = (text: string): string => `<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>${paragraph(text)}</w:tc>`
  t.strictSame(await lines(`<w:tbl><w:tr>${merged(' w:val="restart"', 'North')}${cell('2023')}${cell('7')}</w:tr><w:tr>${merged('', '')}${cell('2024')}${cell('8')}</w:tr><w:tr>${wide('Total')}${cell('15')}</w:tr></w:tbl>`),
    ['North\t2023\t7', 'North\t2024\t8', 'Total\t\t15'])
})

test('what is chosen in a form is read', async t => {
  const field = (data: string): string => `<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:name w:val="x"/>${data}</w:ffData></w:fldChar></w:r><w:r><w:instrText>FORM</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`
  t.strictSame(await lines(`<w:p>${run('Colour: ')}${field('<w:ddList><w:result w:val="1"/><w:listEntry w:val="Red"/><w:listEntry w:val="Green"/></w:ddList>')}</w:p>`), ['Colour: Green'])
  t.strictSame(await lines(`<w:p>${field('<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>')}${run(' yes ')}${field('<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>')}${run(' no')}</w:p>`), ['☑ yes ☐ no'])
})

test('raised digits and signs of the font Symbol are what they look like, the cells of a matrix are apart', async t => {
  const raised = (text: string): string => `<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>${text}</w:t></w:r>`
  t.strictSame(await lines(`<w:p>${run('10')}${raised('6')}${run(' items')}${raised('1')}${run(', 5 m')}${raised('2')}${run(' done')}</w:p>`), ['10^6 items 1, 5 m2 done'])
  t.strictSame(await lines('<w:p><w:r><w:sym w:font="Symbol" w:char="F061"/><w:sym w:font="Symbol" w:char="F0B0"/><w:sym w:font="Wingdings" w:char="F0FC"/></w:r></w:p>'), ['α°✓'])
  const element = (text: string): string => `<m:e><m:r><m:t>${text}</m:t></m:r></m:e>`
  t.strictSame(await lines(`<w:p><m:oMath><m:m><m:mr>${element('a')}${element('b')}</m:mr><m:mr>${element('c')}${element('d')}</m:mr></m:m></m:oMath></w:p>`), ['a b; c d'])
})
