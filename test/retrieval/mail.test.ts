/** Mails as programs of many years have sent them. */
import iconv from 'iconv-lite'
import PostalMime from 'postal-mime'
import { test } from 'tap'
import { textOf } from './helpers/parse.js'

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const raw = (...parts: (string | Uint8Array)[]): Uint8Array => new Uint8Array(Buffer.concat(parts.map(part => Buffer.from(part as Uint8Array))))
const simple = (type: string, body: string | Uint8Array, subject: string | Uint8Array = 'x'): Uint8Array => raw('From: a@example.com\r\nSubject: ', subject, `\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}\r\n`, body, '\r\n')
const multipart = (subtype: string, ...parts: string[]): string => `From: a@example.com\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/${subtype}; boundary=b\r\n\r\n${parts.map(part => `--b\r\n${part}\r\n`).join('')}--b--\r\n`
const RUSSIAN = iconv.encode('Договор аренды квартиры на один год', 'windows-1251')
const INNER = 'From: in@example.com\r\nSubject: The inner one\r\n\r\nWords of the inner mail\r\n'

test('a mail whose text says nothing of its encoding, or says ASCII, is told as a file would be', async t => {
  for (const type of ['', 'text/plain', 'text/plain; charset=us-ascii', 'text/plain; charset=unknown-8bit']) t.match(await textOf('a.eml', simple(type, RUSSIAN)), 'Договор аренды квартиры', type)
  t.match(await textOf('a.eml', simple('text/html', raw('<html><head><meta charset="koi8-r"></head><body>', iconv.encode('Договор аренды', 'koi8-r'), '</body></html>'))), 'Договор аренды')
  t.match(await textOf('a.eml', simple('text/plain; charset=utf-7', 'Gr+APYA3w-e')), 'Größe')
})

test('header fields with raw bytes are in the encoding of the text', async t => {
  t.match(await textOf('a.eml', simple('text/plain; charset=windows-1251', RUSSIAN, iconv.encode('Продление договора', 'windows-1251'))), 'Subject: Продление договора')
  t.match(await textOf('a.eml', simple('text/plain', 'x', iconv.encode('Продление договора аренды', 'koi8-r'))), 'Subject: Продление договора аренды')
  t.match(await textOf('a.eml', simple('text/plain; charset=utf-8', 'x', 'Größe — 東京')), 'Subject: Größe — 東京')
})

test('Korean and Chinese mail of seven bits is read', async t => {
  const korean = raw('\x1b$)C\r\n\x0e', iconv.encode('계약', 'euc-kr').map(byte => byte & 0x7f), '\x0f 2024 \x0e', iconv.encode('임대료', 'euc-kr').map(byte => byte & 0x7f), '\x0f')
  const chinese = raw('A ~{', iconv.encode('年度报告摘要与说明', 'gbk').map(byte => byte & 0x7f), '~} B ~~ C')
  t.match(await textOf('a.eml', simple('text/plain; charset=iso-2022-kr', korean)), '계약 2024 임대료')
  t.match(await textOf('a.eml', simple('text/plain; charset=hz-gb-2312', chinese)), 'A 年度报告摘要与说明 B ~ C')
  t.equal((await textOf('a.txt', korean)).trim(), '계약 2024 임대료')
  t.equal(await textOf('a.txt', chinese), 'A 年度报告摘要与说明 B ~ C')
  t.equal(await textOf('a.pl', 'my %h = (~{a => 1}~}, ~{bcd}~});'), 'my %h = (~{a => 1}~}, ~{bcd}~});')
})

test('a mail that is attached to another without a name is read', async t => {
  t.match(await textOf('a.eml', multipart('mixed', 'Content-Type: text/plain\r\n\r\nouter words', `Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n${INNER}`)), /outer words[^]*Subject: The inner one[^]*Words of the inner mail/)
  t.match(await textOf('a.eml', multipart('report; report-type=delivery-status', 'Content-Type: text/plain\r\n\r\nIt failed', 'Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; lost@example.com', `Content-Type: message/rfc822\r\n\r\n${INNER}`)), /It failed[^]*lost@example\.com[^]*Words of the inner mail/)
  t.match(await textOf('a.eml', multipart('digest', `\r\n${INNER}`)), 'Words of the inner mail')
})

test('what is attached is read by its type when its name says nothing', async t => {
  const text = await textOf('a.eml', multipart('mixed', 'Content-Type: text/plain\r\n\r\nsee below', 'Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nwords without a name',
    'Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nSUMMARY:Budget meeting\r\nEND:VCALENDAR', 'Content-Type: text/html\r\nContent-Disposition: attachment; filename=page\r\n\r\n<p>A <b>page</b></p>'))
  t.match(text, 'words without a name')
  t.match(text, 'SUMMARY:Budget meeting')
  t.match(text, /page\nA page/)
})

test('an attached text is in the encoding that its part declares', async t => {
  t.match(await textOf('a.eml', multipart('mixed', 'Content-Type: text/plain\r\n\r\nsee below',
    `Content-Type: text/csv; charset=ibm850\r\nContent-Disposition: attachment; filename=a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(iconv.encode('Öl;Äpfel', 'cp850'))}`)), 'Öl;Äpfel')
})

test('a page without words gives way to the text that is sent with it', async t => {
  t.match(await textOf('a.eml', multipart('alternative', 'Content-Type: text/plain\r\n\r\nwords of the plain form', 'Content-Type: text/html\r\n\r\n<html><body><img src="cid:x"></body></html>')), 'words of the plain form')
})

test('the parser of mail sorts its parts where they are decoded here, and with what is read of them', async t => {
  interface Part { content: ArrayBuffer | null, contentType: { parsed: { value: string, params: Record<string, string> } } }
  const parser = new PostalMime() as PostalMime & { collectNode: (part: Part, ...rest: unknown[]) => Promise<void> }
  const seen: unknown[] = []
  const collect = parser.collectNode.bind(parser)
  parser.collectNode = async (part, ...rest) => {
    if (part.content !== null && part.contentType.parsed.value === 'text/plain') seen.push([new Uint8Array(part.content), part.contentType.parsed.params.charset])
    await collect(part, ...rest)
  }
  await parser.parse(multipart('mixed', `Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(new Uint8Array([0xC1, 0xC2]))}`))
  t.match(seen, [[{ 0: 0xC1, 1: 0xC2 }, 'koi8-r']], 'bytes, decoded from base64, before they are text')
})
