import iconv from 'iconv-lite'
import { test } from 'tap'
import { doc } from './helpers/compound.js'
import { bytesOf, invalid, parse, textOf, unsupported } from './helpers/parse.js'

test('a document of Word 97 is read, with its footnotes and comments', async t => {
  t.strictSame((await textOf('a.doc', doc('The rent is due.\rEvery month, 東京.', 'by law', 'ask Ann'))).split(/\n+/).map(line => line.trim()), ['The rent is due.', 'Every month, 東京.', 'by law', 'ask Ann'])
  t.match(await textOf('renamed.txt', doc('Words.')), 'Words.')
  await t.rejects(parse('a.doc', doc('Words.').slice(0, 1500)), { name: 'DocumentError' })
})

test('what calls itself DOC is read as what it is', async t => {
  for (const extensions of ['openai', 'all'] as const) {
    t.equal(await textOf('a.doc', '{\\rtf1\\ansi I am \\b RTF\\b0\\par}', { extensions }), 'I am RTF')
    t.equal(await textOf('a.doc', '<html><body>I am HTML</body></html>', { extensions }), 'I am HTML')
    t.equal(await textOf('a.doc', 'I am text', { extensions }), 'I am text')
    t.match(await textOf('a.doc', 'MIME-Version: 1.0\nContent-Type: text/html\n\n<p>I am a <b>page</b></p>', { extensions }), 'I am a page')
  }
  await t.rejects(parse('a.rtf', '{\\rtf1 x}', { extensions: 'openai' }), unsupported)
})

test('RTF is read in the character sets of its fonts', async t => {
  const hex = (text: string, encoding: string): string => [...iconv.encode(text, encoding)].map(byte => `\\'${byte.toString(16).padStart(2, '0')}`).join('')
  t.equal(await textOf('a.rtf', `{\\rtf1\\ansi\\ansicpg1252 ${hex('L’été, 50 €', 'windows-1252')}\\par}`), 'L’été, 50 €')
  const fonts = '{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Arial Cyr;}{\\f2\\fcharset128 MS Mincho;}}'
  t.equal(await textOf('a.rtf', `{\\rtf1\\ansi${fonts}\\f0 One {\\f1 ${hex('Договор', 'windows-1251')}} {\\f2 ${hex('請求書', 'shift_jis')}}\\par}`), 'One Договор 請求書')
  t.equal(await textOf('a.rtf', `{\\rtf1\\ansi\\ansicpg1251 ${hex('Договор', 'windows-1251')}}`), 'Договор')
  t.equal(await textOf('a.rtf', '{\\rtf1\\ansi\\uc1 \\u26481?\\u20140? {\\uc2\\u233 eex} \\u-10179?\\u-8704?}'), '東京 éx \u{1F600}')
})

test('RTF is read with its tables, notes and fields, and without what is no text', async t => {
  const text = await textOf('a.rtf', `{\\rtf1\\ansi{\\stylesheet{\\s0 Normal;}}{\\info{\\title Secret}}{\\*\\generator Word;}
{\\header Contract 4711\\par}Rent{\\footnote\\pard by law} is due.{\\*\\annotation ask Ann}\\par
\\trowd\\cellx100\\cellx200 Item\\cell Price\\cell\\row\\trowd Pear\\cell 7\\cell\\row
{\\field{\\*\\fldinst HYPERLINK "x"}{\\fldrslt a link}} \\endash  {\\pict\\pngblip 89504e470d0a}{\\object{\\*\\objdata 0105}{\\result shown}}{\\*\\unknown hidden}{\\deleted gone}\\line end\\'2e}`)
  t.strictSame(text.split('\n'), ['Contract 4711', 'Rent [Footnote: by law] is due. [Comment: ask Ann]', 'Item\tPrice', 'Pear\t7', 'a link – shown', 'end.'])
})

test('RTF that is broken, deep or binary is read as far as it goes', async t => {
  t.equal(await textOf('a.rtf', '{\\rtf1 open'), 'open')
  t.equal(await textOf('a.rtf', '{\\rtf1 a}}}} b'), 'a b')
  t.equal(await textOf('a.rtf', `{\\rtf1 ${'{'.repeat(10_000)}deep`), 'deep')
  await t.rejects(textOf('a.rtf', `{\\rtf1 ${'{'.repeat(100_000)}deep`), invalid('it is nested too deeply'))
  t.equal(await textOf('a.rtf', '{\\rtf1 a{\\pict\\bin5 }}{}}} b}'), 'a b')
  await t.rejects(parse('a.rtf', bytesOf('\x89PNG\r\n\x1a\n\0\0', 'latin1')), { name: 'DocumentError' })
})

test('documents of Word 2003 in XML, and pages in XHTML, are read under the name DOC', async t => {
  const body = '<w:body><w:p><w:r><w:t>old</w:t></w:r></w:p><w:p><w:r><w:t>XML</w:t></w:r></w:p></w:body>'
  t.equal(await textOf('a.doc', `<?xml version="1.0" encoding="UTF-8"?>\n<?mso-application progid="Word.Document"?>\n<w:wordDocument xmlns:w="w">${body}</w:wordDocument>`), 'old\nXML')
  t.equal(await textOf('a.doc', `<?xml version="1.0"?><pkg:package><pkg:part pkg:name="/word/document.xml"><pkg:xmlData><w:document>${body}</w:document></pkg:xmlData></pkg:part></pkg:package>`), 'old\nXML')
  t.equal(await textOf('a.doc', '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body><p>a page</p></body></html>'), 'a page')
})

test('raised digits of RTF make no other number or word of what is before them', async t => {
  t.equal(await textOf('a.rtf', '{\\rtf1\\ansi 10{\\super 6} items{\\super 1}, 5 m\\super 2\\nosupersub , H{\\sub 2}O}'), '10^6 items 1, 5 m2, H2O')
})

test('paragraphs that end within a cell or a note of RTF do not break its row or line', async t => {
  t.equal(await textOf('a.rtf', '{\\rtf1\\ansi \\trowd\\cellx100\\cellx200 {\\pard A\\par}\\cell{\\pard B\\par}\\cell\\row Word{\\footnote {\\pard Note\\par}} end}'), 'A\tB\nWord [Footnote: Note] end')
})

test('DOC keeps its quotation marks and dashes', async t => {
  t.match(await textOf('a.doc', doc('The “rent” — it’s due.', 'by law', 'ask Ann')), 'The “rent” — it’s due.')
})
