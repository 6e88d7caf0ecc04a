import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { DEFAULT_DOCUMENT_LIMITS } from '../../lib/retrieval/parse/document.js'
import { parseDocument } from '../../lib/retrieval/parse/parse.js'
import { docx, pdf, pdfOf, pptx, zip } from './helpers/documents.js'
import { bytesOf as bytes, invalid, parse, textOf, unsupported } from './helpers/parse.js'

test('Markdown, JSON and source code are read as they are', async t => {
  t.equal(await textOf('a.md', '# Title\n\n* item'), '# Title\n\n* item')
  t.equal(await textOf('a.json', '{"a": [1, 2]}'), '{"a": [1, 2]}')
  t.equal(await textOf('a.py', 'def f():\n  return "<html>"'), 'def f():\n  return "<html>"')
  t.equal(await textOf('a.js', '<html> is not what this is'), '<html> is not what this is')
})

test('HTML is read without markup, scripts and styles', async t => {
  const page = '<!doctype html><html><head><title>T</title><style>p{}</style></head><body><h1>Big news</h1><p>It&nbsp;rains &amp; pours.</p><script>alert(1)</script></body></html>'
  for (const name of ['a.html', 'a.htm', 'page', 'old.doc']) {
    const text = await textOf(name, page)
    t.match(text, /Big news\s+It\srains & pours\./, name)
    t.notMatch(text, /alert|p\{|<h1/, name)
  }
})

test('a PDF is read page by page', async t => {
  t.strictSame(await parse('a.pdf', pdf('First page\nsecond line', 'Another (page)')), [
    { text: 'First page\nsecond line', page: 1 },
    { text: 'Another (page)', page: 2 }
  ])
})

test('a Word document is read, tables included', async t => {
  t.match(await textOf('a.docx', docx(['One &amp; two', 'Three'])), /One & two\s+Three/)
  const table = '<w:tbl><w:tr><w:tc><w:p><w:r><w:t>left</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>right</w:t></w:r></w:p></w:tc></w:tr></w:tbl>'
  t.match(await textOf('a.docx', docx([], table)), /left\s+right/)
})

test('a presentation is read slide by slide, in the order they are shown', async t => {
  const sections = await parse('a.pptx', pptx(['Welcome\nto the show', 'Middle &lt;b&gt;', 'The end']))
  t.strictSame(sections.map(({ text, page }) => [page, text.trim()]), [[1, 'Welcome\nto the show'], [2, 'Middle <b>'], [3, 'The end']])
})

test('the content decides where name and content differ', async t => {
  t.equal(await textOf('a.txt', pdf('I am a PDF')), 'I am a PDF')
  t.match(await textOf('a.pptx', docx(['I am Word'])), /I am Word/)
  t.equal(await textOf('upload', 'no extension at all'), 'no extension at all')
  await t.rejects(parse('a.pdf', 'just words'), invalid())
  await t.rejects(parse('a.docx', 'just words'), invalid())
})

test('what file_search does not read is refused as unsupported', async t => {
  await t.rejects(parse('a.csv', 'a,b', { extensions: 'openai' }), unsupported)
  await t.rejects(parse('a.xlsx', zip({ 'xl/workbook.xml': '<x/>' }), { extensions: 'openai' }), unsupported)
  await t.rejects(parse('photo.png', bytes('\x89PNG\r\n\x1a\n\0\0', 'latin1')), unsupported)
  await t.rejects(parse('photo.txt', bytes('\x89PNG\r\n\x1a\n\0\0\x01', 'latin1')), unsupported)
  await t.rejects(parse('archive.txt', zip({ 'a.txt': 'a' })), unsupported)
  await t.rejects(parse('old.doc', new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0])), unsupported)
})

test('empty, broken and encrypted documents say what is wrong with them', async t => {
  await t.rejects(parse('a.txt', ''), invalid('it is empty'))
  await t.rejects(parse('a.txt', ' \n\t '), invalid('it contains no text'))
  await t.rejects(parse('a.pdf', pdf('')), invalid('it contains no text'))
  await t.rejects(parse('a.pdf', '%PDF-1.4 and nothing else'), invalid())
  await t.rejects(parse('a.docx', docx(['text']).slice(0, 300)), invalid())
  await t.rejects(parse('a.docx', new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0])), invalid('it is encrypted'))
  await t.rejects(parse('a.txt', new Uint8Array([0xff, 0xfe, 0x00, 0xd8, 0x20, 0x00])), invalid('it is not valid UTF-16LE'))
  const owner = '<' + '00'.repeat(32) + '>'
  const encrypted = pdfOf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [] /Count 0 >>', `<< /Filter /Standard /V 1 /R 2 /O ${owner} /U ${owner} /P -4 >>`],
    '/Encrypt 3 0 R /ID [<00><00>]')
  await t.rejects(parse('a.pdf', encrypted), invalid('it is encrypted'))
})

test('what an archive says it unpacks to is bounded, and it cannot unpack to more', async t => {
  const bomb = docx([], `<w:p><w:r><w:t>${'A'.repeat(1_000_000)}</w:t></w:r></w:p>`)
  await t.rejects(parseDocument('a.docx', bomb, { ...DEFAULT_DOCUMENT_LIMITS, maxUnpackedBytes: 100_000 }), invalid('it is too large'))
  const lying = Buffer.from(bomb)
  // The uncompressed size in the archive's directory, of the entry named word/document.xml.
  const entry = lying.lastIndexOf('word/document.xml') - 46
  lying.writeUInt32LE(10, entry + 24)
  await t.rejects(parseDocument('a.docx', new Uint8Array(lying), { ...DEFAULT_DOCUMENT_LIMITS, maxUnpackedBytes: 100_000 }), { code: 'invalid_file' })
})

test('a document is refused beyond the bounds of its size', async t => {
  await t.rejects(parseDocument('a.txt', bytes('x'.repeat(11)), { ...DEFAULT_DOCUMENT_LIMITS, maxBytes: 10 }), invalid('it is too large'))
  await t.rejects(parseDocument('a.txt', bytes('x'.repeat(11)), { ...DEFAULT_DOCUMENT_LIMITS, maxCharacters: 10 }), invalid('it is too large'))
})

test('what was packed is no text, whatever it decodes to', async t => {
  const packed = { gzip: gzipSync(Buffer.alloc(1_000_000, 'a')), bzip2: 'BZh91AY&SY', xz: '\xfd7zXZ\0', sevenZip: '7z\xbc\xaf\x27\x1c', zstd: '\x28\xb5\x2f\xfd', rar: 'Rar!\x1a\x07' }
  for (const [name, content] of Object.entries(packed)) {
    const bytes = typeof content === 'string' ? Buffer.from(content + '\x55\xe5\xf0'.repeat(500), 'latin1') : content
    for (const filename of ['a.txt', 'a.csv', 'a']) await t.rejects(parse(filename, new Uint8Array(bytes)), unsupported, `${name} as ${filename}`)
  }
  t.equal(await textOf('a.txt', '7z and BZh91 are formats. Rar! too.'), '7z and BZh91 are formats. Rar! too.')
})
