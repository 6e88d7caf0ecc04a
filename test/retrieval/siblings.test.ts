/** Two more files of each kind that `test/data/documents` has a file of: what was mended is the kind, not the file. */
import { readFileSync } from 'node:fs'
import iconv from 'iconv-lite'
import { test } from 'tap'
import { docxOf, pdfOf, pptxOf, zip } from './helpers/documents.js'
import { textOf } from './helpers/parse.js'
import { draw, FONT, formPage, page, pageInNamedMap, stream } from './helpers/pdf.js'

type Content = Uint8Array | string
/** A file: its name, what is in it, and what its text has to match, spaces and line ends counting as one space. */
type Sibling = readonly [filename: string, content: Content, ...expected: (string | RegExp)[]]

const kinds = Object.keys(JSON.parse(readFileSync(new URL('../../../test/data/documents/expected.json', import.meta.url), 'utf8')) as Record<string, unknown>)

const bytes = (...parts: (string | Uint8Array | number[])[]): Uint8Array => new Uint8Array(Buffer.concat(parts.map(part => Buffer.from(part as Uint8Array))))
const encoded = (text: string, encoding: string): Uint8Array => new Uint8Array(iconv.encode(text, encoding))
const html = (head: string, body: Uint8Array): Uint8Array => bytes(`<html><head>${head}</head><body><p>`, body, '</p></body></html>')
const run = (text: string): string => `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`
const paragraph = (text: string): string => `<w:p>${run(text)}</w:p>`
const row = (...cells: string[]): string => `<w:tr>${cells.map(cell => `<w:tc>${paragraph(cell)}</w:tc>`).join('')}</w:tr>`
const math = (text: string): string => `<m:r><m:t>${text}</m:t></m:r>`
const lines = (...texts: string[]): string => draw(...texts.map((text, i): [number, number, string] => [50, 700 - 12 * i, text]))
const note = (root: string, element: string, id: number, text: string): string => `<w:${root}><w:${element} w:id="${id}" w:author="Bo">${paragraph(text)}</w:${element}></w:${root}>`
const jis = (text: string): Uint8Array => bytes('\x1b$B', [...encoded(text, 'euc-jp')].map(byte => byte & 0x7f), '\x1b(B')
const swapped = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf16le').swap16())
const PLAIN = 'one line of plain text after another\n'.repeat(2000)

const UKRAINIAN = 'Договір оренди квартири укладено на один рік'
const RUSSIAN = 'Счёт за воду оплачивается до пятого числа каждого месяца'
const BULGARIAN = 'Наемът се плаща до пето число на всеки месец'
const JAPANESE = '契約の期間は二年とする。家賃は毎月末日までに支払う。'
const MENU = 'お品書き：天ぷらそば、親子丼、みそ汁。'
const CHINESE = '合同期限为两年，租金每月初支付。'
const NEWS = '今天的会议讨论了明年的预算和新产品。'
const SPANISH = '“El niño pagó 30 €” — ¿dónde está el señor?'
const GERMAN = 'Die Prüfung der Geräte kostet 40 €, „wie üblich“'

/** A page tree in which one page is broken. */
const pages = (kids: string): Uint8Array => pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', `<< /Type /Pages /Kids [${kids}] /Count 3 >>`,
  '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>', FONT, stream(draw([1, 1, 'Opening'])), stream(draw([1, 1, 'Closing'])), '(not a page)',
  '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 6 0 R /Resources << /Font << /F1 4 0 R >> >> >>'])

function chart (kind: string, name: string, categories: readonly string[], values: readonly number[]): string {
  const points = (list: readonly (string | number)[]): string => list.map((value, i) => `<c:pt idx="${i}"><c:v>${value}</c:v></c:pt>`).join('')
  return `<c:chartSpace><c:chart><c:plotArea><c:${kind}><c:ser><c:tx><c:strRef><c:strCache>${points([name])}</c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache>${points(categories)}</c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache>${points(values)}</c:numCache></c:numRef></c:val></c:ser></c:${kind}></c:plotArea></c:chart></c:chartSpace>`
}
const shown = (text: string): string => `<p:sp><p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`
const art = (...steps: string[]): string => `<dgm:dataModel><dgm:ptLst>${steps.map(step => `<dgm:pt><dgm:t><a:p><a:r><a:t>${step}</a:t></a:r></a:p></dgm:t></dgm:pt>`).join('')}</dgm:ptLst></dgm:dataModel>`
const mainPart = (target: string, part: string, xml: string, type = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument'): Uint8Array =>
  zip({ '_rels/.rels': `<Relationships><Relationship Id="r" Type="${type}" Target="${target}"/></Relationships>`, [part]: xml })

const SIBLINGS: Record<string, readonly [Sibling, Sibling]> = {
  'cjk-gb-ucs2.pdf': [
    ['a.pdf', pageInNamedMap('UniGB-UTF16-H', 'GB1', '5408540c'), '合同'],
    ['a.pdf', pageInNamedMap('UniCNS-UCS2-H', 'CNS1', '54080052'), '合R']
  ],
  'cjk-japan-90ms.pdf': [
    ['a.pdf', pageInNamedMap('90pv-RKSJ-H', 'Japan1', '938c8b9e'), '東京'],
    ['a.pdf', pageInNamedMap('EUC-H', 'Japan1', 'c5ecb5fe'), '東京']
  ],
  'table-right-to-left-cells.pdf': [
    ['a.pdf', page(draw([400, 700, '12'], [250, 700, 'Bolts'], [50, 700, '4711'], [400, 684, '7'], [250, 684, 'Nuts'], [50, 684, '4712'])), '12 Bolts 4711', '7 Nuts 4712'],
    ['a.pdf', page('BT /F1 10 Tf 1 0 0 1 300 700 Tm (1,200.00) Tj 1 0 0 1 180 700 Tm (Clerk) Tj 1 0 0 1 50 700 Tm (Jones) Tj ET'), '1,200.00 Clerk Jones']
  ],
  'form-filled.pdf': [
    ['a.pdf', formPage(draw([50, 700, 'City:']), ['/FT /Tx /T (city) /V (Lisbon) /Rect [100 695 300 711]', '/FT /Ch /T (kind) /V (Flat) /Opt [(House) (Flat)] /Rect [100 660 300 676]']), 'City: Lisbon', 'Flat'],
    ['a.pdf', formPage(draw([50, 700, 'Comment']), ['/FT /Tx /Ff 4096 /T (long) /V (two\\nlines) /Rect [50 600 300 690]'], ['<< /Type /Annot /Subtype /FreeText /Contents (REJECTED) /DA (/F1 10 Tf) /Rect [50 500 300 520] >>']), 'two lines', 'REJECTED']
  ],
  'one-broken-page.pdf': [
    ['a.pdf', pages('3 0 R 7 0 R 8 0 R'), 'Opening', 'Closing'],
    ['a.pdf', pages('3 0 R 8 0 R 77 0 R'), 'Opening', 'Closing']
  ],
  'hyphenation.pdf': [
    ['a.pdf', page(lines('The repre-', 'sentatives of the muni-', 'cipality agreed.')), 'representatives', 'municipality'],
    ['a.pdf', page('BT /F1 10 Tf 12 TL 50 700 Td (A consti-) Tj T* (tutional amend-) Tj T* (ment) Tj ET'), 'constitutional', 'amendment']
  ],
  'fake-bold.pdf': [
    ['a.pdf', page(draw([50, 700, 'Summary'], [50.25, 700, 'Summary'], [50.5, 700, 'Summary'], [50, 680, 'text'])), /^Summary text$/],
    ['a.pdf', page(draw([50, 700, 'Costs'], [200, 700, 'Gains'], [50.3, 700, 'Costs'], [200.3, 700, 'Gains'])), /^Costs Gains$/]
  ],
  'docx-notes-comments.docx': [
    ['a.docx', docxOf(`<w:p>${run('Heating')}<w:r><w:footnoteReference w:id="5"/></w:r></w:p>`, { footnotes: note('footnotes', 'footnote', 5, 'from October to April') }), 'Heating [Footnote: from October to April]'],
    ['a.docx', docxOf(`<w:p>${run('Parking')}<w:r><w:endnoteReference w:id="2"/></w:r><w:r><w:commentReference w:id="9"/></w:r></w:p>`, { endnotes: note('endnotes', 'endnote', 2, 'one place'), comments: note('comments', 'comment', 9, 'is it free?') }), 'one place', 'Comment by Bo: is it free?']
  ],
  'docx-table.docx': [
    ['a.docx', docxOf(`<w:tbl>${row('Day', 'Hours')}${row('Monday', '8')}${row('Tuesday', '')}</w:tbl>`, {}), 'Day Hours Monday 8 Tuesday'],
    ['a.docx', docxOf(`<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>${paragraph('Total')}</w:tc><w:tc>${paragraph('99')}</w:tc></w:tr></w:tbl>`, {}), 'Total 99']
  ],
  'docx-equation.docx': [
    ['a.docx', docxOf(`<w:p><m:oMath><m:sSup><m:e>${math('r')}</m:e><m:sup>${math('2')}</m:sup></m:sSup>${math('π')}</m:oMath></w:p>`, {}), 'π', 'r^2'],
    ['a.docx', docxOf(`<w:p>${run('Let ')}<m:oMathPara><m:oMath><m:f><m:num>${math('α')}</m:num><m:den>${math('β')}</m:den></m:f></m:oMath></m:oMathPara></w:p>`, {}), 'α/β']
  ],
  'docx-other-main-part.docx': [
    ['a.docx', mainPart('word/document_final.xml', 'word/document_final.xml', `<w:document><w:body>${paragraph('renamed by a tool')}</w:body></w:document>`), 'renamed by a tool'],
    ['a.docx', mainPart('/doc/main.xml', 'doc/main.xml', `<w:document><w:body>${paragraph('from the root')}</w:body></w:document>`), 'from the root']
  ],
  'docx-tracked.docx': [
    ['a.docx', docxOf(`<w:p>${run('The fee is ')}<w:del><w:r><w:delText>10</w:delText></w:r></w:del><w:ins>${run('12')}</w:ins>${run(' euros')}</w:p>`, {}), 'The fee is 12 euros'],
    ['a.docx', docxOf(`<w:sdt><w:sdtContent>${paragraph('chosen')}</w:sdtContent></w:sdt><w:p><w:fldSimple w:instr="AUTHOR">${run('Ann')}</w:fldSimple><w:moveTo>${run(' moved here')}</w:moveTo></w:p>`, {}), 'chosen', 'Ann moved here']
  ],
  'pptx-chart-smartart.pptx': [
    ['a.pptx', pptxOf([{ xml: shown('Visitors'), related: { chart: '../charts/c.xml' } }], { 'charts/c.xml': chart('lineChart', '2025', ['May', 'June'], [310, 420]) }), 'Visitors', 'May 310', 'June 420'],
    ['a.pptx', pptxOf([{ xml: shown('Steps'), related: { diagramData: '../diagrams/d.xml', chart: '../charts/p.xml' } }], { 'diagrams/d.xml': art('Order', 'Pack', 'Send'), 'charts/p.xml': chart('pieChart', 'Share', ['North'], [61]) }), /Order.*Pack.*Send/, 'North 61']
  ],
  'html-cells-without-table.html': [
    ['a.html', '<title>Price list</title><tr><th>Bolt<th>M8<tr><td>Nut<td>M10', 'Price list', 'Bolt M8', 'Nut M10'],
    ['a.html', '<dl><dt>Rent<dd>900<dt>Deposit<dd>1800</dl><select><option>monthly<option>yearly</select><td>a</td><td>b</td>', 'Rent 900', 'Deposit 1800', 'monthly yearly', 'a b']
  ],
  'mentions-pdf-header.md': [
    ['a.js', 'const isPdf = text => text.startsWith("%PDF-1.4") // magic number', 'isPdf', '// magic number'],
    ['a.txt', 'A file that begins with %PDF- is a PDF, one with PK\x03\x04 an archive.', 'an archive']
  ],
  'rtf-named.doc': [
    ['a.doc', '{\\rtf1\\ansi\\ansicpg1252 The {\\b rent} is due\\par on Monday.\\par}', /^(?!.*\\).*The rent is due on Monday\./],
    ['a.doc', '{\\rtf1\\mac{\\fonttbl{\\f0 Times;}}\\f0 Plain words\\line here}', /^Plain words here$/]
  ],
  'enc/meta-http-equiv-1251.html': [
    ['a.html', html('<meta http-equiv=Content-Type content="text/html; charset=windows-1251">', encoded(UKRAINIAN, 'windows-1251')), UKRAINIAN],
    ['a.htm', html('<META content="text/html;charset=iso-8859-5" HTTP-EQUIV="content-type">', encoded(BULGARIAN, 'iso-8859-5')), BULGARIAN]
  ],
  'enc/meta-windows-1251.html': [
    ['a.html', html('<meta charset=cp1251>', encoded(BULGARIAN, 'windows-1251')), BULGARIAN],
    ['a.html', html('<meta name=x><meta charset="koi8-u">', encoded(UKRAINIAN, 'koi8-u')), UKRAINIAN]
  ],
  'enc/meta-windows-1252.html': [
    ['a.html', html('<meta charset="cp1252">', encoded(SPANISH, 'windows-1252')), SPANISH],
    ['a.html', html('<meta charset="ISO-8859-1">', encoded(GERMAN, 'windows-1252')), GERMAN]
  ],
  'enc/plain-windows-1252.txt': [
    ['a.txt', encoded(SPANISH, 'windows-1252'), SPANISH],
    ['a.txt', encoded(GERMAN, 'windows-1252'), GERMAN]
  ],
  'enc/meta-iso2022_jp.html': [
    ['a.html', html('<meta charset="ISO-2022-JP">', jis(JAPANESE)), JAPANESE],
    ['a.html', html('<meta charset="csISO2022JP">', jis('親子丼と天丼')), '親子丼と天丼']
  ],
  'enc/utf8-one-bad-byte.txt': [
    ['a.txt', bytes(`${GERMAN}\n`.repeat(20), [0xe4], GERMAN), GERMAN],
    ['a.txt', bytes(SPANISH, [0x80, 0x20], SPANISH), /El niño.*El niño/]
  ],
  'enc/utf8-one-bad-byte-ru.txt': [
    ['a.txt', bytes(RUSSIAN, [0xff], ' ', RUSSIAN), /Счёт .* Счёт/],
    ['a.txt', bytes(UKRAINIAN, ' ', [0xd0], ' ', BULGARIAN), UKRAINIAN, BULGARIAN]
  ],
  'enc/utf8-bom-one-bad-byte.txt': [
    ['a.txt', bytes([0xef, 0xbb, 0xbf], GERMAN, [0xfc], GERMAN), /Geräte .* Geräte/],
    ['a.csv', bytes([0xef, 0xbb, 0xbf], 'Straße;Größe\n', [0xf6], ';1\n'), 'Straße;Größe']
  ],
  'enc/ascii-64k-then-sjis.txt': [
    ['a.txt', bytes(PLAIN, encoded(MENU, 'shift_jis')), MENU],
    ['a.log', bytes(PLAIN, encoded(UKRAINIAN, 'windows-1251')), UKRAINIAN]
  ],
  'enc/one-nul.txt': [
    ['a.log', 'shutdown\0 at noon', 'shutdown', 'at noon'],
    ['a.csv', 'name,city\nAnn,Köln\0\nBo,Ulm\n', 'Ann,Köln', 'Bo,Ulm']
  ],
  'enc/plain-utf-16le.txt': [
    ['a.txt', new Uint8Array(Buffer.from(UKRAINIAN, 'utf16le')), UKRAINIAN],
    ['a.txt', new Uint8Array(Buffer.from(MENU, 'utf16le')), MENU]
  ],
  'enc/plain-utf-16be.txt': [
    ['a.txt', swapped(NEWS), NEWS],
    ['a.txt', swapped('A plain English sentence'), 'A plain English sentence']
  ],
  'enc/utf16le-bom-odd.txt': [
    ['a.txt', bytes([0xff, 0xfe], Buffer.from(BULGARIAN, 'utf16le'), [0x0a]), BULGARIAN],
    ['a.txt', bytes([0xfe, 0xff], swapped(CHINESE), [0x00]), CHINESE]
  ],
  'enc/latin1-decl.py': [
    ['a.py', bytes('#!/usr/bin/env python\n# coding=latin-1\n# ', encoded('Prüfung der Geräte', 'latin1')), 'Prüfung der Geräte'],
    ['a.el', bytes(';; -*- mode: emacs-lisp; coding: iso-8859-1 -*-\n;; ', encoded('El niño pagó', 'latin1')), 'El niño pagó']
  ],
  'enc/plain-koi8-r.txt': [
    ['a.txt', encoded(RUSSIAN, 'koi8-r'), RUSSIAN],
    ['a.txt', encoded('Собрание жильцов состоится в среду вечером', 'koi8-r'), 'Собрание жильцов состоится в среду вечером']
  ],
  'enc/plain-windows-1251.txt': [
    ['a.txt', encoded(RUSSIAN, 'windows-1251'), RUSSIAN],
    ['a.txt', encoded(BULGARIAN, 'windows-1251'), BULGARIAN]
  ],
  'enc/plain-shift_jis.txt': [
    ['a.txt', encoded(JAPANESE, 'shift_jis'), JAPANESE],
    ['a.txt', encoded(MENU, 'shift_jis'), MENU]
  ],
  'enc/plain-gbk.txt': [
    ['a.txt', encoded(CHINESE, 'gbk'), CHINESE],
    ['a.txt', encoded(NEWS, 'gbk'), NEWS]
  ]
}

test('each kind has its siblings', async t => {
  t.strictSame(Object.keys(SIBLINGS).sort(), kinds.sort())
})

for (const [kind, siblings] of Object.entries(SIBLINGS)) {
  test(`siblings of ${kind} are read`, async t => {
    for (const [filename, content, ...expected] of siblings) {
      const text = (await textOf(filename, content)).replace(/\s+/g, ' ').trim()
      for (const item of expected) {
        if (typeof item === 'string') t.ok(text.includes(item), `"${item}" is in: ${text.slice(0, 300)}`)
        else t.match(text, item)
      }
      t.notMatch(text, /\0/)
    }
  })
}
