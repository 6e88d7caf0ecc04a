import * as xlsx from '@e965/xlsx'
import { unreadable } from './document.js'

/** Records of a workbook of Excel 97 to 2003 ([MS-XLS] 2.3), each two bytes of type, two of length, and its data. */
const CONTINUE = 0x3c
const ENCRYPTED = 0x2f
const OBJECT = 0x5d
const SHEET = 0x85
const DRAWN_TEXT = 0x1b6
const BEGIN = 0x809
const HEADER = 4
/** The kind of object that holds the text of a comment, which is shown with its cell. */
const COMMENT = 0x19

/** For each sheet of an XLS workbook, in its order, the texts of its boxes and shapes, which SheetJS leaves out. Nothing for older ones. Throws a `DocumentError`. */
export function boxesOf (bytes: Uint8Array, maxCharacters: number): string[][] {
  const stream = xlsx.CFB.find(xlsx.CFB.read(bytes, { type: 'array' }), 'Workbook')?.content as Uint8Array | undefined
  if (stream === undefined) return []
  const data = Buffer.from(stream)
  const sheets: string[][] = []
  /** Sheets by where they begin. */
  const places = new Map<number, string[]>()
  let sheet: string[] | undefined
  let object = 0
  let characters = 0
  for (let at = 0, next; at + HEADER <= data.length; at = next) {
    const type = data.readUInt16LE(at)
    const record = data.subarray(at + HEADER, next = at + HEADER + data.readUInt16LE(at + 2))
    // SheetJS has read it with the password that Excel uses where there is none.
    if (type === ENCRYPTED) return []
    if (type === SHEET && record.length >= 4) {
      const boxes: string[] = []
      sheets.push(boxes)
      places.set(record.readUInt32LE(0), boxes)
    } else if (type === BEGIN) {
      // A chart within a sheet begins too, at a place that is no sheet's.
      sheet = places.get(at) ?? sheet
    } else if (type === OBJECT && record.length >= 6) {
      object = record.readUInt16LE(4)
    } else if (type === DRAWN_TEXT && record.length >= 12 && object !== COMMENT) {
      const text = continuedText(data, next, record.readUInt16LE(10)).replace(/[\p{Cc} ]+/gu, ' ').trim()
      characters += text.length
      if (characters > maxCharacters) throw unreadable('it is too large')
      if (text !== '') sheet?.push(text)
    }
  }
  return sheets
}

/** So many characters from the records that continue one: each says first whether its characters have two bytes or one. */
function continuedText (data: Buffer, from: number, length: number): string {
  let text = ''
  for (let at = from; at + HEADER < data.length && text.length < length && data.readUInt16LE(at) === CONTINUE;) {
    const end = at + HEADER + data.readUInt16LE(at + 2)
    const isWide = (data[at + HEADER]! & 1) === 1
    text += data.toString(isWide ? 'utf16le' : 'latin1', at + HEADER + 1, Math.min(end, data.length))
    at = end
  }
  return text.slice(0, length)
}
