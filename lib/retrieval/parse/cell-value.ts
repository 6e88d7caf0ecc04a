import * as xlsx from '@e965/xlsx'

const { format } = xlsx.SSF as { format: (format: string, value: number) => string }
/** Day 0 of Excel's calendar. */
const EPOCH = Date.UTC(1899, 11, 30)
const DAY = 86_400_000
/** Digits that a number of Excel has. */
const DIGITS = 15

/** The value of a cell of a workbook as it is shown. */
export function shownValue (cell: xlsx.CellObject): string {
  return wholeNumber(cell) ?? unformattedDate(cell) ?? cell.w ?? formatted(cell) ?? (cell.v instanceof Date ? isoDate(cell.v) : cell.v === undefined || cell.v === null ? '' : String(cell.v))
}

const isGeneral = ({ z }: xlsx.CellObject): boolean => z === undefined || z === 'General'

/** Numbers of articles and accounts: in a narrow column they are shown as `4.00638E+12`, by which they are not found. */
function wholeNumber (cell: xlsx.CellObject): string | undefined {
  const { t, v, w } = cell
  return t === 'n' && typeof v === 'number' && isGeneral(cell) && w?.includes('E') === true ? String(Number(v.toPrecision(DIGITS))) : undefined
}

/** A date that the workbook keeps as text of ISO 8601, without a format to show it by: the number of its day would be shown. */
function unformattedDate (cell: xlsx.CellObject): string | undefined {
  const { t, v } = cell
  return t === 'd' && v instanceof Date && isGeneral(cell) ? isoDate(v) : undefined
}

function isoDate (date: Date): string {
  if (Number.isNaN(date.valueOf())) return ''
  const [day, time] = date.toISOString().split(/[T.]/) as [string, string]
  if (date.getUTCFullYear() < 1900) return time
  return time === '00:00:00' ? day : `${day} ${time}`
}

/** SheetJS shows nothing by a format with signs that it does not know, though Excel takes them as they are: `dd.mm.yyyy`, `yyyy年m月d日`. */
function formatted ({ t, v, z }: xlsx.CellObject): string | undefined {
  const value = t === 'd' && v instanceof Date ? (v.valueOf() - EPOCH) / DAY : v
  if (typeof value !== 'number' || typeof z !== 'string') return undefined
  try {
    return format(literal(z), value)
  } catch {
    return undefined
  }
}

/** Marks the signs of a format as such, but for what is in quotes, brackets or marked. Points between digits are those of numbers. */
const literal = (z: string): string => z.replace(/"[^"]*"|\[[^\]]*\]|[\\_*].|(?<=[A-Za-z])\.(?![0#?])|\P{ASCII}/gu, part => part === '.' || /^\P{ASCII}/u.test(part) ? `\\${part}` : part)
