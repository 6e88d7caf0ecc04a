import { deflateSync } from 'node:zlib'
import { test } from 'tap'
import { newAssistant, startServer } from '../helpers/server.js'
import { docx, pdf, pdfOf, pptx, zip } from '../retrieval/helpers/documents.js'

type Document = [name: string, content: Uint8Array]

const bytes = (text: string, encoding: BufferEncoding = 'utf8'): Uint8Array => new Uint8Array(Buffer.from(text, encoding))
const range = (length: number): number[] => Array.from({ length }, (_, i) => i)

/** With this many bytes of it missing or changed, no reader can make sense of a document. */
function truncated (): Document[] {
  const whole: Document[] = [['a.docx', docx(range(50).map(i => `Paragraph ${i}`))], ['a.pptx', pptx(range(20).map(i => `Slide ${i}`))]]
  return whole.flatMap(([name, content]) => range(15).map((i): Document => [`truncated${i}-${name}`, content.slice(0, Math.floor(content.length * (i + 1) / 17))]))
}

function wrongTypes (): Document[] {
  const png = bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR' + '\0'.repeat(100), 'latin1')
  const elf = bytes('\x7fELF\x02\x01\x01' + '\0\x01\x02'.repeat(200), 'latin1')
  const names = ['pdf', 'docx', 'pptx', 'txt', 'md', 'html', 'json', 'py', 'doc', 'csv', 'xyz']
  return names.flatMap((extension): Document[] => [[`image.${extension}`, png], [`program.${extension}`, elf]])
}

function brokenPdfs (): Document[] {
  const catalog = '<< /Type /Catalog /Pages 2 0 R >>'
  const bomb = deflateSync(Buffer.alloc(100_000_000, ' '))
  return [
    ...range(15).map((i): Document => [`cut${i}.pdf`, pdf('Some words').slice(0, 10 + i * 5)]),
    ['loop.pdf', pdfOf([catalog, '<< /Type /Pages /Kids [2 0 R] /Count 1 >>'])],
    ['self.pdf', pdfOf(['<< /Type /Catalog /Pages 1 0 R >>'])],
    ['nopages.pdf', pdfOf([catalog, '<< /Type /Pages /Kids [] /Count 0 >>'])],
    ['many.pdf', pdfOf([catalog, '<< /Type /Pages /Kids [] /Count 2000000000 >>'])],
    ['nested.pdf', pdfOf([catalog, `<< /Type /Pages /Kids ${'['.repeat(100_000)} /Count 1 >>`])],
    ['bomb.pdf', pdfOf([catalog, '<< /Type /Pages /Kids [3 0 R] /Count 1 >>', '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>',
      new Uint8Array(Buffer.concat([Buffer.from(`<< /Length ${bomb.length} /Filter /FlateDecode >>\nstream\n`), bomb, Buffer.from('\nendstream')]))])]
  ]
}

function brokenArchives (): Document[] {
  const large = 'A'.repeat(1000)
  const bomb = Buffer.from(docx([], `<w:p><w:r><w:t>${large.repeat(200)}</w:t></w:r></w:p>`))
  const lie = (size: number): Uint8Array => {
    const lying = Buffer.from(bomb)
    lying.writeUInt32LE(size, lying.lastIndexOf('word/document.xml') - 46 + 24)
    return new Uint8Array(lying)
  }
  return [
    ...[0xffffffff, 0x7fffffff, 2 ** 30, 200_000_000].map((size, i): Document => [`says-too-much${i}.docx`, lie(size)]),
    ...[0, 1, 100].map((size, i): Document => [`says-too-little${i}.docx`, lie(size)]),
    ...range(5).map((i): Document => [`deep${i}.docx`, docx([], '<w:tbl><w:tr><w:tc>'.repeat(20_000 * (i + 1)))]),
    ...range(5).map((i): Document => [`unclosed${i}.docx`, docx([], `${'<w:p><w:r>'.repeat(i + 1)}&`)]),
    ['entities.docx', docx([], '<!DOCTYPE x [<!ENTITY a "aaaa">]><w:p>&a;</w:p>')],
    ['empty.pptx', zip({ 'ppt/presentation.xml': '<p:presentation/>' })],
    ['lost.pptx', zip({ 'ppt/presentation.xml': '<p:presentation><p:sldIdLst><p:sldId r:id="r1"/></p:sldIdLst></p:presentation>' })],
    ['away.pptx', zip({ 'ppt/presentation.xml': '<p:presentation><p:sldId r:id="r1"/></p:presentation>', 'ppt/_rels/presentation.xml.rels': '<r><Relationship Id="r1" Target="../../../etc/passwd"/></r>' })],
    ['archive.docx', zip({ 'a.txt': 'a' })], ['encrypted.docx', bytes('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'latin1')]
  ]
}

/** Old Office files and others in archives: a header, a name that tells the kind, and nothing that holds together. */
function brokenOthers (): Document[] {
  const ole = (stream: string, filler: number): Uint8Array => new Uint8Array(Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(20_000, filler), Buffer.from(stream, 'utf16le')]))
  const repeated = '<table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="1000000"/></table:table-row>'.repeat(1000)
  return [
    ...[0, 7, 255].flatMap((filler): Document[] => [[`a${filler}.doc`, ole('WordDocument', filler)], [`a${filler}.xls`, ole('Workbook', filler)], [`a${filler}.msg`, ole('__properties_version1.0', filler)]]),
    ['empty.xlsx', zip({ 'xl/workbook.xml': '<workbook/>' })], ['empty.epub', zip({ 'META-INF/container.xml': '<container/>' })], ['lost.epub', zip({ 'META-INF/container.xml': '<rootfile full-path="../../etc/passwd"/>' })],
    ['empty.odt', zip({ 'content.xml': '<office:document-content/>' })], ['rows.ods', zip({ 'content.xml': `<office:spreadsheet><table:table>${repeated}</table:table></office:spreadsheet>` })],
    ['groups.rtf', bytes(`{\\rtf1 ${'{'.repeat(100_000)}x`)], ['none.rtf', bytes('{\\rtf1}')],
    ['parts.eml', bytes('Content-Type: multipart/mixed; boundary=a\r\n\r\n' + '--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n'.repeat(50_000))]
  ]
}

function brokenTexts (): Document[] {
  return [
    ...['', ' ', '\n\n\n', '\ufeff', '\u00a0'].map((text, i): Document => [`empty${i}.txt`, bytes(text)]),
    ['surrogate.txt', new Uint8Array([0xff, 0xfe, 0x00, 0xd8, 0x20, 0x00])], ['odd.txt', new Uint8Array([0xfe, 0xff, 0x00])],
    ['tags.html', bytes('<div>'.repeat(50_000))], ['script.html', bytes('<script>alert(1)</script>')], ['comment.html', bytes('<!-- nothing -->')],
    ['control.md', bytes('\x01\x02\x03'.repeat(100))], ['zeros.json', new Uint8Array(1000)]
  ]
}

test('a hundred broken documents end as failed, with a message, while the server answers other requests', async t => {
  const documents = [...truncated(), ...wrongTypes(), ...brokenPdfs(), ...brokenArchives(), ...brokenOthers(), ...brokenTexts()]
  t.ok(documents.length >= 100, `${documents.length} documents`)
  const server = await startServer(t, { storage: 'memory:', retrieval: { parseTimeoutMs: 20_000, parseMemoryMb: 256 } })
  const upload = async ([name, content]: Document): Promise<string> => {
    const form = new FormData()
    form.set('purpose', 'assistants')
    form.set('file', new File([content as Uint8Array<ArrayBuffer>], name))
    const response = await fetch(`${server.baseURL}/files`, { method: 'POST', body: form })
    return (await response.json() as { id: string }).id
  }
  const ids = await Promise.all(documents.map(upload))
  const names = new Map(ids.map((id, i) => [id, documents[i]![0]]))
  const { body: store } = await server.post('/vector_stores', {})
  await server.post(`/vector_stores/${store.id}/file_batches`, { file_ids: ids })
  let answers = 0
  for (;;) {
    await newAssistant(server)
    answers++
    if ((await server.get(`/vector_stores/${store.id}`)).body.status !== 'in_progress') break
  }
  t.ok(answers > 10, `${answers} requests were answered meanwhile`)
  const listed = [...(await server.get(`/vector_stores/${store.id}/files?limit=100`)).body.data]
  while (listed.length < ids.length) listed.push(...(await server.get(`/vector_stores/${store.id}/files?limit=100&after=${listed.at(-1).id}`)).body.data)
  for (const file of listed) {
    t.match(file, { status: 'failed', last_error: { code: /^(unsupported|invalid)_file$/, message: /^The file .+\.$/ } }, `${names.get(file.id)}: ${file.last_error?.message}`)
  }
})
