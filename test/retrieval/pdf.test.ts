import { test } from 'tap'
import { pdf, pdfOf } from './helpers/documents.js'
import { invalid, parse, textOf } from './helpers/parse.js'
import { draw, FONT, formPage, page, pageInNamedMap, stream } from './helpers/pdf.js'

const lines = async (content: string): Promise<string[]> => (await textOf('a.pdf', page(content))).split('\n')

test('text in fonts that are not in the file is read by the maps that they name', async t => {
  const maps: [map: string, ordering: string, codes: string, text: string][] = [
    ['UniGB-UCS2-H', 'GB1', '5e745ea6', '年度'], ['90ms-RKSJ-H', 'Japan1', '90bf8b818f91', '請求書'], ['KSCms-UHC-H', 'Korea1', 'c7d1b1b9', '한국'],
    ['ETen-B5-H', 'CNS1', 'a6b3', '傑'], ['UniJIS-UTF16-H', 'Japan1', '6771 4eac', '東京'], ['90ms-RKSJ-H', 'Japan1', '5265706f7274', 'Report']
  ]
  for (const [map, ordering, codes, text] of maps) {
    const read = await textOf('a.pdf', pageInNamedMap(map, ordering, codes))
    if (map === 'ETen-B5-H') t.match(read, /^\p{sc=Han}$/u, map)
    else t.equal(read, text, map)
  }
})

test('the cells of a row are apart, in the order in which they are drawn', async t => {
  t.strictSame(await lines(draw([450, 700, '37,499.96'], [200, 700, 'DIRECTOR'], [50, 700, 'BAIN'], [50, 686, 'SMITH'], [200, 686, 'CLERK'], [450, 686, '21,000.00'])),
    ['37,499.96 DIRECTOR BAIN', 'SMITH CLERK 21,000.00'])
  t.strictSame(await lines('BT /F1 10 Tf 50 700 Td [(Total) -4000 (12.50)] TJ 0 -12 Td [(Net) -3000 (10.00)] TJ ET'), ['Total 12.50', 'Net 10.00'])
  t.strictSame(await lines(draw([50, 700, 'ab'], [61.2, 700, 'cd'])), ['abcd'], 'one word in two pieces')
})

test('a table that is drawn column by column is read row by row', async t => {
  const column = (x: number, ...cells: string[]): [number, number, string][] => cells.map((cell, i) => [x, 700 - 14 * i, cell])
  t.strictSame(await lines(draw(...column(50, 'Item', 'Apple', 'Pear', 'Plum'), ...column(200, 'Price', '1.20', '2.40', '0.80'), ...column(300, 'Stock', '40', '7', '12'))),
    ['Item Price Stock', 'Apple 1.20 40', 'Pear 2.40 7', 'Plum 0.80 12'])
})

test('columns are read one after the other, whichever way they are drawn', async t => {
  const left = ['The rent is due on the first day', 'of each month and is paid to the', 'account that the landlord has told', 'the tenant. A delay of more than', 'ten days is a reason to end the', 'contract without any notice.']
  const right = ['Repairs are a matter of the owner', 'as long as the damage was not done', 'by the tenant or by visitors whom', 'the tenant has let into the house.', 'Small repairs up to one hundred', 'are paid for by the tenant.']
  const at = (x: number, texts: string[]): [number, number, string][] => texts.map((text, i) => [x, 700 - 12 * i, text])
  const [a, b] = [at(50, left), at(320, right)]
  t.strictSame(await lines(draw(...a, ...b)), [...left, ...right], 'one after the other')
  t.strictSame(await lines(draw(...a.flatMap((item, i) => [item, b[i]!]))), [...left, ...right], 'line by line')
  t.strictSame(await lines(draw(...[...a].reverse())), left, 'from the end')
  t.strictSame(await lines(draw(...a.flatMap((item, i) => [item, b[i]!]), [50, 610, 'Table 1'])), [...left, ...right, 'Table 1'], 'what is beneath them comes after both')
  t.strictSame(await lines(draw(...a.flatMap((item, i) => [item, b[i]!]), [50, 628, 'and one line more.'])), [...left, 'and one line more.', ...right], 'one of them may be longer')
})

test('words that are divided at the end of a line are joined, compounds keep their hyphen', async t => {
  const typeset = async (...texts: string[]): Promise<string[]> => await lines(draw(...texts.map((text, i): [number, number, string] => [50, 700 - 12 * i, text])))
  t.strictSame(await typeset('the develop-', 'ment of lan-', 'guages'), ['the development', 'of languages'])
  t.strictSame(await typeset('a state-of-the-', 'art topic'), ['a state-of-the-art', 'topic'])
  t.strictSame(await typeset('the Anglo-', 'Saxon age'), ['the Anglo-Saxon', 'age'])
  t.strictSame(await typeset('a well-known word, well-', 'known indeed'), ['a well-known word, well-known', 'indeed'])
  t.strictSame(await typeset('Umwelt-', 'und Naturschutz'), ['Umwelt-', 'und Naturschutz'])
  t.strictSame(await typeset('a list -', 'of things'), ['a list -', 'of things'])
})

test('text that is drawn twice to look bold is read once', async t => {
  t.strictSame(await lines(draw([50, 700, 'HEADING'], [50.3, 700, 'HEADING'], [50, 680, 'body'])), ['HEADING', 'body'])
  t.strictSame(await lines(draw([50, 700, 'Over'], [50, 680, 'body'], [50, 700.4, 'Over'], [50.4, 700, 'Over'])), ['Over', 'body'], 'later')
  t.strictSame(await lines(draw([50, 700, 'ha'], [62, 700, 'ha'], [50, 680, 'ha'])), ['haha', 'ha'], 'words that are there twice stay')
})

test('what was typed into a form stands beside its label, and what was noted after the text', async t => {
  const fields = ['/FT /Tx /T (name) /V (Lucia) /Rect [100 695 300 711]', '/FT /Ch /Ff 131072 /T (country) /V (es) /Opt [[(es) (Spain)] [(fr) (France)]] /Rect [100 665 300 681]',
    '/FT /Btn /T (agree) /TU (I agree) /V /Yes /AS /Yes /AP << /N << /Yes 5 0 R /Off 5 0 R >> >> /Rect [50 640 60 650]', '/FT /Tx /T (remark) /V (none so far) /Rect [400 100 500 120]', '/FT /Tx /Ff 8192 /T (pin) /V (1234) /Rect [100 500 200 520]']
  const notes = ['<< /Type /Annot /Subtype /FreeText /Contents (APPROVED) /DA (/F1 10 Tf) /Rect [50 600 300 620] >>', '<< /Type /Annot /Subtype /Text /Contents (check this) /Rect [9 9 20 20] >>']
  const text = await textOf('a.pdf', formPage(draw([50, 700, 'Name:'], [50, 670, 'Country:']), fields, notes))
  t.strictSame(text.split('\n'), ['Name: Lucia', 'Country: Spain', 'APPROVED', 'check this', '[x] I agree', 'remark: none so far'])
})

test('a broken page is left out with a note, and those after it keep their numbers', async t => {
  const onPages = (kids: string, third = '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 6 0 R /Resources << /Font << /F1 4 0 R >> >> >>'): Uint8Array => pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>', `<< /Type /Pages /Kids [${kids}] /Count 3 >>`, '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>', FONT,
    stream(draw([1, 1, 'First'])), stream(draw([1, 1, 'Third'])), '[ 1 2 3 ]', third
  ])
  const expected = [{ text: 'First', page: 1 }, { text: '', page: 2, note: 'Page 2 could not be read.' }, { text: 'Third', page: 3 }]
  t.strictSame(await parse('a.pdf', onPages('3 0 R 7 0 R 8 0 R')), expected, 'an array')
  t.strictSame(await parse('a.pdf', onPages('3 0 R 99 0 R 8 0 R')), expected, 'an object that is not there')
  await t.rejects(parse('a.pdf', onPages('7 0 R 99 0 R 7 0 R')), invalid())
})

test('text that runs up the page, or askew, is read', async t => {
  t.strictSame(await lines(`${draw([50, 700, 'across'], [50, 680, 'and down'])} BT /F1 10 Tf 0 1 -1 0 30 300 Tm (up the) Tj 0 -12 Td (margin) Tj ET`), ['across', 'and down', 'up the', 'margin'])
})

test('a page of very many pieces is read in time', async t => {
  const pieces = Array.from({ length: 20_000 }, (_, i) => `BT /F1 1 Tf ${i % 200 * 3} ${790 - Math.floor(i / 200) * 7} Td (w${i}) Tj ET`).join('\n')
  t.match(await textOf('a.pdf', page(pieces)), /w0 w1.*w19999/s)
  const same = 'BT /F1 10 Tf 50 700 Td (x) Tj ET\n'.repeat(20_000)
  t.equal(await textOf('a.pdf', page(same)), 'x')
  t.match(await textOf('a.pdf', pdf(...Array.from({ length: 300 }, (_, i) => `Page ${i}`))), 'Page 299')
})

test('files that are attached to a PDF are read after its pages', async t => {
  const attached = (name: string, content: string): Uint8Array => page(draw([50, 700, 'Cover']), {
    catalog: `/Names << /EmbeddedFiles << /Names [(${name}) 6 0 R] >> >>`,
    objects: [`<< /Type /Filespec /F (${name}) /UF (${name}) /EF << /F 7 0 R >> >>`, stream(content, '/Type /EmbeddedFile')]
  })
  t.strictSame(await parse('a.pdf', attached('note.txt', 'Words of the note.')), [{ text: 'Cover', page: 1 }, { text: 'note.txt\nWords of the note.' }])
  t.strictSame(await parse('a.pdf', attached('page.html', '<p>A <b>page</b>')), [{ text: 'Cover', page: 1 }, { text: 'page.html\nA page' }])
  t.strictSame(await parse('a.pdf', attached('data.bin', 'Not read')), [{ text: 'Cover', page: 1 }])
})
