import * as xlsx from '@e965/xlsx'

/** A compound file (OLE) of these streams by path. */
export function compound (streams: Record<string, Uint8Array>): Uint8Array {
  const file = xlsx.CFB.utils.cfb_new()
  for (const [path, content] of Object.entries(streams)) xlsx.CFB.utils.cfb_add(file, `/${path}`, content)
  const written = xlsx.CFB.write(file, { type: 'array' }) as unknown as ArrayLike<number>
  return Uint8Array.from(written)
}

/** A document of Word 97: body, footnotes and comments in UTF-16, one after the other, in one piece. */
export function doc (body: string, footnotes = '', comments = ''): Uint8Array {
  const text = `${body}\r${footnotes === '' ? '' : `${footnotes}\r`}${comments === '' ? '' : `${comments}\r`}\r`
  const start = 1024
  const stream = Buffer.alloc(Math.max(4096, start + 2 * text.length + 512))
  stream.writeUInt16LE(0xa5ec, 0)
  stream.writeUInt16LE(193, 2)
  // The table stream is named 1Table.
  stream.writeUInt16LE(0x0200, 10)
  stream.writeUInt32LE(start, 0x18)
  for (const [offset, part] of [[0x4c, body], [0x50, footnotes], [0x5c, comments]] as const) stream.writeUInt32LE(part === '' ? 0 : part.length + 1, offset)
  stream.write(text, start, 'utf16le')
  const table = Buffer.alloc(4096)
  table.writeUInt8(2, 0)
  table.writeUInt32LE(16, 1)
  table.writeUInt32LE(text.length, 9)
  table.writeUInt32LE(start, 15)
  stream.writeUInt32LE(0, 0x1a2)
  stream.writeUInt32LE(21, 0x1a6)
  return compound({ WordDocument: stream, '1Table': table })
}

const text = (value: string): Buffer => Buffer.from(value, 'utf16le')
const properties = (header: number): Buffer => Buffer.alloc(header)

/** A message of Outlook. */
export function msg ({ subject, body, html, from, to, attachment }: { subject: string, body?: string, html?: string, from: string, to: string, attachment?: [name: string, content: Uint8Array] }): Uint8Array {
  const streams: Record<string, Uint8Array> = { '__properties_version1.0': properties(32), '__substg1.0_0037001F': text(subject), '__substg1.0_0C1A001F': text(from) }
  if (body !== undefined) streams['__substg1.0_1000001F'] = text(body)
  if (html !== undefined) streams['__substg1.0_10130102'] = Buffer.from(html)
  streams['__recip_version1.0_#00000000/__properties_version1.0'] = properties(8)
  streams['__recip_version1.0_#00000000/__substg1.0_3001001F'] = text(to)
  if (attachment !== undefined) {
    const folder = '__attach_version1.0_#00000000'
    streams[`${folder}/__properties_version1.0`] = properties(8)
    streams[`${folder}/__substg1.0_3707001F`] = text(attachment[0])
    streams[`${folder}/__substg1.0_37010102`] = attachment[1]
  }
  return compound(streams)
}

/** An XLS workbook of sheets with a cell each. Boxes are drawn on the last one: `type` is that of the object ([MS-XLS] 2.5.143), 6 is a text box, 25 what a comment is in. */
export function xls (sheets: Record<string, string>, boxes: readonly { text: string, type?: number, pieces?: number }[] = []): Uint8Array {
  const book = xlsx.utils.book_new()
  for (const [name, cell] of Object.entries(sheets)) xlsx.utils.book_append_sheet(book, xlsx.utils.aoa_to_sheet([[cell]]), name)
  const file = xlsx.CFB.read(xlsx.write(book, { type: 'buffer', bookType: 'biff8' }) as Buffer, { type: 'buffer' })
  const stream = Buffer.from(xlsx.CFB.find(file, 'Workbook')!.content as Uint8Array)
  const record = (type: number, data: Buffer): Buffer => {
    const head = Buffer.alloc(4)
    head.writeUInt16LE(type, 0)
    head.writeUInt16LE(data.length, 2)
    return Buffer.concat([head, data])
  }
  const drawn = boxes.flatMap(({ text: written, type = 6, pieces = 1 }) => {
    const object = Buffer.alloc(26)
    object.writeUInt16LE(0x15, 0)
    object.writeUInt16LE(18, 2)
    object.writeUInt16LE(type, 4)
    const head = Buffer.alloc(18)
    head.writeUInt16LE(written.length, 10)
    head.writeUInt16LE(16, 12)
    const size = Math.ceil(written.length / pieces)
    // The first piece in bytes where it can be, the others wide.
    const texts = Array.from({ length: pieces }, (_, i) => {
      const piece = written.slice(i * size, (i + 1) * size)
      return i === 0 && !/[^\0-\xff]/.test(piece) ? Buffer.concat([Buffer.from([0]), Buffer.from(piece, 'latin1')]) : Buffer.concat([Buffer.from([1]), text(piece)])
    })
    return [record(0x5d, object), record(0x1b6, head), ...texts.map(piece => record(0x3c, piece)), record(0x3c, Buffer.alloc(16))]
  })
  // Ahead of the record that ends the last sheet, so that the others stay where they are said to be.
  const end = stream.lastIndexOf(Buffer.from([0x0a, 0, 0, 0]))
  return compound({ Workbook: Buffer.concat([stream.subarray(0, end), ...drawn, stream.subarray(end)]) })
}
