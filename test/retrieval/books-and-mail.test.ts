import iconv from 'iconv-lite'
import { test } from 'tap'
import { DocumentReader } from '../../lib/retrieval/document-reader.js'
import { systemClock } from '../../lib/shared/clock.js'
import { msg } from './helpers/compound.js'
import { docx, pdf, zip } from './helpers/documents.js'
import { bytesOf, invalid, parse, textOf } from './helpers/parse.js'

const book = (extra: Record<string, string> = {}): Uint8Array => zip({
  mimetype: 'application/epub+zip',
  'META-INF/container.xml': '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
  'OEBPS/book.opf': '<package><metadata><dc:title>A book</dc:title></metadata><manifest><item id="a" href="one.xhtml"/><item id="b" href="text/two%20b.xhtml"/><item id="c" href="unused.xhtml"/></manifest><spine><itemref idref="b"/><itemref idref="a"/></spine></package>',
  'OEBPS/one.xhtml': '<?xml version="1.0"?><html><head><title>Chapter</title></head><body><p>The end</p></body></html>',
  'OEBPS/text/two b.xhtml': '<html><body><h1>Begin</h1><p>caf&eacute;</p></body></html>',
  'OEBPS/unused.xhtml': '<p>not in the book</p>',
  ...extra
})

test('a book is read in the order of its spine', async t => {
  t.strictSame((await parse('a.epub', book())).map(({ text }) => text.split(/\n+/)), [['A book'], ['Begin', 'café'], ['Chapter', 'The end']])
  const fonts = '<encryption><EncryptedData><CipherReference URI="OEBPS/font.otf"/></EncryptedData></encryption>'
  t.match(await textOf('a.epub', book({ 'META-INF/encryption.xml': fonts })), 'Begin', 'only its fonts are obfuscated')
  await t.rejects(parse('a.epub', book({ 'META-INF/encryption.xml': fonts.replace('font.otf', 'one.xhtml') })), invalid('it is encrypted'))
})

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n')
const multipart = (...parts: string[]): string => `From: =?utf-8?B?${base64(bytesOf('Jörg'))}?= <joerg@example.com>\r\nTo: ann@example.com, Bob <bob@example.com>\r\nDate: Tue, 5 Mar 2024 10:00:00 +0000\r\nSubject: The\r\n =?iso-8859-1?Q?Gr=F6=DFe?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${parts.map(part => `--b\r\n${part}\r\n`).join('')}--b--\r\n`

test('a mail is read with who wrote it, and its attachments with it', async t => {
  const mail = multipart('Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe, see attached.',
    `Content-Type: application/pdf; name=report.pdf\r\nContent-Disposition: attachment; filename=report.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(pdf('Attached words'))}`,
    `Content-Type: image/png\r\nContent-Disposition: attachment; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(bytesOf('\x89PNG\0\0', 'latin1'))}`)
  const sections = await parse('a.eml', mail)
  t.strictSame(sections.map(({ text }) => text), [
    'From: Jörg <joerg@example.com>\nTo: ann@example.com, Bob <bob@example.com>\nDate: 2024-03-05T10:00:00.000Z\nSubject: The Größe\nAttachments: report.pdf, a.png\n\nGrüße, see attached.', 'report.pdf', 'Attached words'
  ])
})

test('a mail in HTML is read without markup, and one within another is read too', async t => {
  t.match(await textOf('a.eml', multipart('Content-Type: text/html; charset=utf-8\r\n\r\n<p>It <b>rains</b>.</p><script>x</script>')), /\n\nIt rains\.$/)
  const inner = multipart('Content-Type: text/plain\r\n\r\ninner words')
  t.match(await textOf('a.eml', multipart('Content-Type: text/plain\r\n\r\nouter', `Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=fwd.eml\r\n\r\n${inner.replaceAll('--b', '--c').replace('boundary=b', 'boundary=c')}`)), /outer[^]*inner words/)
})

test('a mail in windows-1252 keeps its quotation marks in the process that reads it', async t => {
  const reader = new DocumentReader({ clock: systemClock })
  t.teardown(async () => await reader.close())
  const bytes = new Uint8Array(Buffer.concat([Buffer.from('Subject: x\r\nContent-Type: text/plain; charset=windows-1252\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'), iconv.encode('“L’été”, 50 €', 'windows-1252')]))
  for await (const [chunk] of reader.read({ filename: 'a.eml', bytes, chunking: { size: 800, overlap: 400 } })) t.match(chunk?.text, '“L’été”, 50 €')
})

test('a message of Outlook is read, with its attachments', async t => {
  const text = await textOf('a.msg', msg({ subject: 'Größe', from: 'Ann', to: 'Bob', body: 'See attached, 東京.', attachment: ['a.docx', docx(['Attached words'])] }))
  t.match(text, /^From: Ann\n[^]*Subject: Größe\nAttachments: a\.docx\n\nSee attached, 東京\.\na\.docx\nAttached words$/)
  t.match(await textOf('a.msg', msg({ subject: 'x', from: 'Ann', to: 'Bob', html: '<p>It <b>rains</b>.</p>' })), /\n\nIt rains\.$/)
  await t.rejects(parse('a.msg', msg({ subject: 'x', from: 'Ann', to: 'Bob', body: 'y' }).slice(0, 700)), { name: 'DocumentError' })
})

test('mails within mails end', async t => {
  let mail = 'Subject: last\r\n\r\nthe innermost'
  for (let i = 0; i < 20; i++) {
    mail = `Subject: ${i}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\nContent-Type: text/plain\r\n\r\nlevel ${i}\r\n--b${i}\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=${i}.eml\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(bytesOf(mail))}\r\n--b${i}--\r\n`
  }
  t.match(await textOf('a.eml', mail), 'level 19')
})

test('a document that is shown in the midst of a mail is read, pictures of the text are not attachments', async t => {
  const text = await textOf('a.eml', multipart('Content-Type: text/plain\r\n\r\nsee below',
    `Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: inline; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(pdf('Inline words'))}`,
    `Content-Type: image/png\r\nContent-Disposition: inline; filename=b.png\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(bytesOf('\x89PNG\0\0', 'latin1'))}`))
  t.match(text, /Attachments: a\.pdf\n[^]*Inline words/)
})
