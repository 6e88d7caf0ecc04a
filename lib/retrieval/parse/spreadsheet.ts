import * as xlsx from '@e965/xlsx'
import { unreadable, type Section } from './document.js'
import type { ReadContext } from './kinds.js'
import { packZip, readZip } from './zip.js'

/** Where the cells are; pictures, fonts and macros stay packed. */
const CELLS = /\.(?:xml|rels|bin)$/i
const ZIP = 0x50

/** The text of a workbook of Excel (XLSX, XLSM, XLSB, XLS): for each sheet its name and a line for each row, values as they are shown, with notes on cells. Throws a `DocumentError`. */
export function read (bytes: Uint8Array, { limits }: ReadContext): Section[] {
  // What the workbook unpacks to is bounded before SheetJS unpacks it.
  const plain = bytes[0] === ZIP ? packZip(readZip(bytes, name => CELLS.test(name) && !/vbaProject|printerSettings/i.test(name), limits.maxUnpackedBytes)) : bytes
  const workbook = xlsx.read(plain, { type: 'array', dense: true, cellFormula: false, cellHTML: false, cellText: true, bookVBA: false })
  const sections: Section[] = []
  let characters = 0
  for (const name of workbook.SheetNames) {
    const sheet = workbook.Sheets[name]
    if (sheet === undefined) continue
    const lines = [name]
    for (const row of rowsOf(sheet)) {
      characters += row.length
      if (characters > limits.maxCharacters) throw unreadable('it is too large')
      lines.push(row)
    }
    if (lines.length > 1) sections.push({ text: lines.join('\n') })
  }
  return sections
}

function * rowsOf (sheet: xlsx.WorkSheet): Generator<string> {
  const rows = (sheet as unknown as { '!data'?: (xlsx.CellObject | undefined)[][] })['!data'] ?? []
  for (const row of rows) {
    // Rows without a cell are holes.
    if (row === undefined) continue
    const cells: string[] = []
    for (const cell of row) cells.push(cell === undefined ? '' : cellText(cell))
    const text = cells.join('\t').trimEnd()
    if (text !== '') yield text
  }
}

function cellText (cell: xlsx.CellObject): string {
  const value = (cell.w ?? (cell.v === undefined || cell.v === null ? '' : String(cell.v))).replace(/[\t\r\n]+/g, ' ').trim()
  const notes = (cell.c ?? []).map(({ t }) => t?.replace(/\s+/g, ' ').trim() ?? '').filter(note => note !== '')
  return notes.length === 0 ? value : `${value} [Comment: ${notes.join('; ')}]`.trim()
}
