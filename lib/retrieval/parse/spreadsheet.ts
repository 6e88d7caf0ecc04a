import * as xlsx from '@e965/xlsx'
import { boxesOf } from './biff.js'
import { shownValue } from './cell-value.js'
import { unreadable, type Section } from './document.js'
import type { ReadContext } from './kinds.js'
import { drawnText, shapesText } from './ooxml/drawing.js'
import { OfficePackage } from './ooxml/package.js'
import { packZip, readZip } from './zip.js'

/** Where the cells are; pictures, fonts and macros stay packed. */
const CELLS = /\.(?:xml|rels|bin)$/i
const ZIP = 0x50
/** Of the container of XLS. The spreadsheets in XML and text that come under that name have no drawings. */
const OLE = 0xd0
/** What a sheet of Excel can have. A cell may claim any place, and all places before it would be gone through. */
const MAX_ROWS = 1_048_576
const MAX_COLUMNS = 16_384
/** Characters of a cell that is repeated in each of its rows, and rows of all such cells. */
const MAX_REPEATED = 200
const MAX_MERGED = 100_000

/** The text of a workbook of Excel (XLSX, XLSM, XLSB, XLS): for each sheet its name and a line for each row, values as they are shown, with notes on cells, and what is drawn on it. Throws a `DocumentError`. */
export function read (bytes: Uint8Array, { limits }: ReadContext): Section[] {
  // What the workbook unpacks to is bounded before SheetJS unpacks it.
  const plain = bytes[0] === ZIP ? packZip(readZip(bytes, name => CELLS.test(name) && !/vbaProject|printerSettings/i.test(name), limits.maxUnpackedBytes)) : bytes
  const workbook = xlsx.read(plain, { type: 'array', dense: true, cellFormula: false, cellHTML: false, cellText: true, cellDates: true, cellNF: true, UTC: true, bookVBA: false })
  const drawings = plain !== bytes
    ? drawingsOf(new OfficePackage(plain, limits.maxUnpackedBytes), workbook)
    : bytes[0] === OLE ? boxesOf(bytes, limits.maxCharacters).map(boxes => () => boxes) : []
  const sections: Section[] = []
  let characters = 0
  for (const [i, name] of workbook.SheetNames.entries()) {
    const sheet = workbook.Sheets[name]
    const lines = [name]
    for (const row of [...sheet === undefined ? [] : rowsOf(sheet), ...drawings[i]?.() ?? []]) {
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
  if (rows.length > MAX_ROWS) throw unreadable('it is too large')
  const merged = mergedCells(sheet, rows)
  for (const [number, row] of rows.entries()) {
    // Rows without a cell are holes.
    if (row === undefined) continue
    if (row.length > MAX_COLUMNS) throw unreadable('it is too large')
    const cells: string[] = []
    for (const cell of row) cells.push(cell === undefined ? '' : cellText(cell))
    for (const [column, text] of merged.get(number) ?? []) if (column < cells.length && cells[column] === '') cells[column] = text
    const text = cells.join('\t').trimEnd()
    if (text !== '') yield text
  }
}

/** By row and column, what cells of several rows have in those below their first one. */
function mergedCells (sheet: xlsx.WorkSheet, rows: readonly (readonly (xlsx.CellObject | undefined)[] | undefined)[]): Map<number, [column: number, text: string][]> {
  const found = new Map<number, [number, string][]>()
  let count = 0
  for (const { s, e } of sheet['!merges'] ?? []) {
    const cell = rows[s.r]?.[s.c]
    const text = cell === undefined ? '' : cellText(cell)
    if (text === '' || text.length > MAX_REPEATED) continue
    for (let row = s.r + 1; row <= Math.min(e.r, rows.length - 1) && ++count <= MAX_MERGED; row++) {
      const cells = found.get(row)
      if (cells === undefined) found.set(row, [[s.c, text]])
      else cells.push([s.c, text])
    }
  }
  return found
}

/** For each sheet of an Office Open XML workbook, in its order, the lines of its text boxes, shapes and charts. */
function drawingsOf (pack: OfficePackage, { Workbook }: xlsx.WorkBook): (() => string[])[] {
  const paths = new Map(pack.relationships(workbookPart(pack)).map(({ id, path }) => [id, path]))
  // SheetJS knows the relationships of binary workbooks too, whose list of sheets is no XML.
  const sheets = (Workbook?.Sheets ?? []) as { id?: string }[]
  return sheets.map(({ id = '' }) => () => pack.related(paths.get(id) ?? '', 'drawing').flatMap(drawing => [shapesText(pack.part(drawing)), drawnText(pack, drawing)]).filter(text => text !== ''))
}

/** The main part of a workbook, XML or binary. */
const workbookPart = (pack: OfficePackage): string => pack.related('', 'officeDocument')[0] ?? 'xl/workbook.xml'

function cellText (cell: xlsx.CellObject): string {
  const value = shownValue(cell).replace(/[\t\r\n]+/g, ' ').trim()
  const notes = (cell.c ?? []).map(({ t }) => t?.replace(/\s+/g, ' ').trim() ?? '').filter(note => note !== '')
  return notes.length === 0 ? value : `${value} [Comment: ${notes.join('; ')}]`.trim()
}
