import { deflateSync, gzipSync } from 'node:zlib'
import { test } from 'tap'
import { startServer } from '../helpers/server.js'
import { pdfOf, zip } from '../retrieval/helpers/documents.js'

type Document = [name: string, content: Uint8Array]

const bytes = (text: string, encoding: BufferEncoding = 'latin1'): Uint8Array => new Uint8Array(Buffer.from(text, encoding))
const CATALOG = '<< /Type /Catalog /Pages 2 0 R >>'
const PAGES = '<< /Type /Pages /Kids [3 0 R] /Count 1 >>'
const stream = (dictionary: string, content: Uint8Array | string): Uint8Array =>
  new Uint8Array(Buffer.concat([Buffer.from(`<< ${dictionary} /Length ${content.length} >>\nstream\n`), Buffer.from(content), Buffer.from('\nendstream')]))

function hostilePdfs (): Document[] {
  const page = (more: string): string => `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] ${more} >>`
  const loop = Buffer.from(pdfOf([CATALOG, '<< /Type /Pages /Kids [] /Count 0 >>'], '/Prev 9'))
  const start = loop.lastIndexOf('xref\n0')
  const looped = Buffer.from(loop.toString('latin1').replace('/Prev 9', `/Prev ${start}`), 'latin1')
  // Each form draws the next one twice.
  const forms = Array.from({ length: 40 }, (_, i) => stream(`/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F ${6 + i} 0 R >> >>`, '/F Do /F Do'))
  const twice = deflateSync(deflateSync(Buffer.alloc(10_000_000, ' ')))
  return [
    ['xref-loop.pdf', new Uint8Array(looped)],
    ['xref-elsewhere.pdf', bytes('%PDF-1.7\nxref\n0 1\ntrailer << /Root 1 0 R /Prev 9 /XRefStm 9 >>\nstartxref\n9\n%%EOF')],
    ['objects.pdf', pdfOf([CATALOG, PAGES, page(''), ...Array.from({ length: 30_000 }, (_, i) => `<< /Next ${i + 5} 0 R >>`)])],
    ['forms.pdf', pdfOf([CATALOG, PAGES, page('/Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >>'), stream('', '/F Do'), ...forms])],
    ['jbig2.pdf', pdfOf([CATALOG, PAGES, page('/Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >>'), stream('', '/I Do'),
      stream('/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /BitsPerComponent 1 /ColorSpace /DeviceGray /Filter /JBIG2Decode', new Uint8Array(100).fill(255))])],
    ['twice.pdf', pdfOf([CATALOG, PAGES, page('/Contents 4 0 R'), stream('/Filter [/FlateDecode /FlateDecode]', twice)])],
    ['kids.pdf', pdfOf([CATALOG, `<< /Type /Pages /Count 100000 /Kids [${'3 0 R '.repeat(100_000)}] >>`, page('')])]
  ]
}

/** A compound file whose chains of sectors lead back to themselves. */
function cyclic (stream: string): Uint8Array {
  const file = Buffer.alloc(512 * 4)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(file)
  file.writeUInt16LE(0x3e, 24)
  file.writeUInt16LE(3, 26)
  file.writeUInt16LE(0xfffe, 28)
  file.writeUInt16LE(9, 30)
  file.writeUInt16LE(6, 32)
  file.writeUInt32LE(1, 44)
  file.writeUInt32LE(1, 48)
  file.writeUInt32LE(4096, 56)
  file.writeUInt32LE(2, 60)
  file.writeUInt32LE(1000, 64)
  file.writeUInt32LE(0, 68)
  file.writeUInt32LE(1000, 72)
  for (let i = 76; i < 512; i += 4) file.writeUInt32LE(0, i)
  for (let i = 512; i < 1024; i += 4) file.writeUInt32LE((i / 4) % 3, i)
  for (let i = 0; i < 4; i++) {
    const entry = 1024 + 128 * i
    const name = i === 0 ? 'Root Entry' : stream
    file.write(name, entry, 'utf16le')
    file.writeUInt16LE(name.length * 2 + 2, entry + 64)
    file.writeUInt8(i === 0 ? 5 : 2, entry + 66)
    for (const [k, at] of [68, 72, 76].entries()) file.writeUInt32LE((i + k) % 4, entry + at)
    file.writeUInt32LE(2, entry + 116)
    file.writeUInt32LE(0x7fffffff, entry + 120)
  }
  return new Uint8Array(file)
}

const LAUGHS = `<!DOCTYPE x [<!ENTITY a0 "ha">${Array.from({ length: 40 }, (_, i) => `<!ENTITY a${i + 1} "&a${i};&a${i};&a${i};">`).join('')}<!ENTITY file SYSTEM "file:///etc/passwd">]>`

function hostileXml (): Document[] {
  const part = (element: string): string => `<?xml version="1.0"?>${LAUGHS}<${element}>&a40;&file;</${element}>`
  return [
    ['laughs.xml', bytes(part('x'))], ['laughs.html', bytes(part('html'))], ['laughs.svg.xml', bytes(part('svg'))],
    ['laughs.docx', zip({ 'word/document.xml': part('w:document') })], ['laughs.pptx', zip({ 'ppt/presentation.xml': part('p:presentation') })],
    ['laughs.xlsx', zip({ 'xl/workbook.xml': part('workbook'), 'xl/sharedStrings.xml': part('sst') })], ['laughs.odt', zip({ mimetype: 'application/vnd.oasis.opendocument.text', 'content.xml': part('office:document-content') })],
    ['laughs.fodt', bytes(part('office:document'))], ['laughs.epub', zip({ mimetype: 'application/epub+zip', 'META-INF/container.xml': part('container') })]
  ]
}

function hostileArchives (): Document[] {
  const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`word/a${i}.xml`, '']))
  const up = { '../../../word/document.xml': '<w:document><w:p><w:r><w:t>x</w:t></w:r></w:p></w:document>', '/etc/passwd': 'root' }
  const spaces = new Uint8Array(5_000_000).fill(32)
  // Every entry of the directory points at the same bytes.
  const overlapping = Buffer.from(zip(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`word/document${i}.xml`, new Uint8Array(100_000).fill(32)]))))
  for (let at = overlapping.indexOf('PK\x01\x02', 0, 'latin1'); at !== -1; at = overlapping.indexOf('PK\x01\x02', at + 4, 'latin1')) overlapping.writeUInt32LE(0, at + 42)
  return [
    ['many.docx', zip(many)], ['many.epub', zip({ mimetype: 'application/epub+zip', ...many })], ['up.docx', zip(up)],
    ['bomb.odt', zip({ mimetype: 'application/vnd.oasis.opendocument.text', 'content.xml': spaces })], ['overlapping.docx', new Uint8Array(overlapping)],
    ['nested.docx', zip({ 'word/afchunk.docx': zip({ 'word/document.xml': spaces }) })], ['gzip.txt', new Uint8Array(gzipSync(spaces))]
  ]
}

function hostileTexts (): Document[] {
  return [
    ['columns.csv', bytes('a,'.repeat(1_000_000) + '\n1')], ['deep.json', bytes('['.repeat(100_000) + ']'.repeat(100_000))], ['objects.json', bytes('{"a":'.repeat(100_000))], ['deep.yaml', bytes('- '.repeat(100_000))],
    ['bin.rtf', bytes('{\\rtf1 before \\bin2147483647 after}')], ['negative.rtf', bytes('{\\rtf1 before \\bin-5 after}')], ['deep.rtf', bytes('{\\rtf1 ' + '{\\b '.repeat(200_000) + 'x' + '}'.repeat(200_000) + '}')],
    ['unicode.rtf', bytes('{\\rtf1 \\uc1000000000\\u9999999999?x}')], ['cookie.py', bytes('# -*- coding: iso-2022-jp -*-\n\x1b$B' + '\xff'.repeat(1000))], ['meta.html', bytes('<meta charset=gb18030>' + '\x81\x30\x81'.repeat(1000))],
    ['nobody.html', bytes('<meta charset=x-no-such-thing>words')], ['mac.xml', bytes('<?xml version="1.0" encoding="macintosh"?><a>caf\x8e</a>')], ['koi8.html', bytes('<meta charset=koi8-r><p>\xf0\xd2\xc9\xd7\xc5\xd4')]
  ]
}

test('documents that are made to harm end within their bounds, completed or with a reason, and hold nothing up', async t => {
  const documents = [...hostilePdfs(), ...['__properties_version1.0', 'WordDocument', 'Workbook'].map((name, i): Document => [`cyclic.${['msg', 'doc', 'xls'][i]}`, cyclic(name)]), ...hostileXml(), ...hostileArchives(), ...hostileTexts()]
  const server = await startServer(t, { storage: 'memory:', retrieval: { parseTimeoutMs: 2_000, parseMemoryMb: 256 } })
  const { body: store } = await server.post('/vector_stores', {})
  const names = new Map<string, string>()
  for (const [name, content] of documents) {
    const form = new FormData()
    form.set('purpose', 'assistants')
    form.set('file', new File([content as Uint8Array<ArrayBuffer>], name))
    const response = await fetch(`${server.baseURL}/files`, { method: 'POST', body: form })
    names.set((await response.json() as { id: string }).id, name)
  }
  await server.post(`/vector_stores/${store.id}/file_batches`, { file_ids: [...names.keys()] })
  let longest = 0
  for (;;) {
    const began = performance.now()
    const { body } = await server.get(`/vector_stores/${store.id}`)
    longest = Math.max(longest, performance.now() - began)
    if (body.file_counts.in_progress === 0) break
  }
  t.ok(longest < 2000, `a request waited ${longest.toFixed(0)} ms at most`)
  const { body: { data } } = await server.get(`/vector_stores/${store.id}/files?limit=100`)
  t.equal(data.length, documents.length)
  for (const { id, status, last_error: error } of data) {
    t.match({ status, error }, status === 'completed' ? { status, error: null } : { status: 'failed', error: { code: /^(unsupported|invalid)_file$/, message: /^The file .+\.$/ } }, `${names.get(id)}: ${error?.message ?? status}`)
    if (!names.get(id)!.startsWith('laughs')) continue
    const found = await server.get(`/vector_stores/${store.id}/files/${id}/content`)
    t.notMatch(JSON.stringify(found.body), /root:x:|haha/, `${names.get(id)} brings in nothing from elsewhere`)
  }
})
