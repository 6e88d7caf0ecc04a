import { lineText, type Line, type Segment } from './lines.js'

/** Lines that two columns or a table have at the least. */
const COLUMN_LINES = 5
const TABLE_ROWS = 3
/** A cell of a table is short; a line of a column is not. Words. */
const CELL_WORDS = 4
const PROSE_WORDS = 3
/** Leadings between a paragraph and what does not belong to it. */
const APART = 1.8

/**
 * Lines in the order in which they are read. Most files draw them so, and what they draw together stays together. Three habits of
 * programs are undone: two columns that are drawn across, line by line; a table that is drawn column by column; a page that is drawn from
 * its end.
 */
export function inReadingOrder (lines: readonly Line[]): Line[] {
  const upright = isDrawnBackwards(lines) ? [...lines].sort((a, b) => a.at - b.at || a.from - b.from) : lines
  return rowsOfTables(columns(upright))
}

function isDrawnBackwards (lines: readonly Line[]): boolean {
  let up = 0
  let steps = 0
  for (const [i, line] of lines.entries()) {
    const before = lines[i - 1]
    if (before === undefined || line.from >= before.to || line.to <= before.from) continue
    steps++
    if (line.at < before.at - 0.5 * line.size) up++
  }
  return steps >= 3 && up > 0.6 * steps
}

/** Splits runs of lines that have a gap at the same place, with running text on both sides of it. */
function columns (lines: readonly Line[]): Line[] {
  const ordered: Line[] = []
  for (let i = 0; i < lines.length; i++) {
    const gutter = gutterAt(lines, i)
    if (gutter === undefined) {
      ordered.push(lines[i]!)
      continue
    }
    const end = endOfColumns(lines, i, gutter)
    const part = lines.slice(i, end)
    if (isProse(part, gutter)) {
      ordered.push(...part.flatMap(line => side(line, segment => segment.to <= gutter)), ...part.flatMap(line => side(line, segment => segment.from >= gutter)))
    } else {
      ordered.push(...part)
    }
    i = end - 1
  }
  return ordered
}

/** Where the gap is that this line has in common with the next ones. */
function gutterAt (lines: readonly Line[], from: number): number | undefined {
  const { segments } = lines[from]!
  if (segments.length !== 2 || segments[0]!.to > segments[1]!.from) return undefined
  return segments[1]!.from - 0.3 * lines[from]!.size
}

function endOfColumns (lines: readonly Line[], from: number, gutter: number): number {
  let end = from
  let leading = 0
  while (end < lines.length && lines[end]!.segments.every(({ from, to }) => to <= gutter || from >= gutter)) {
    const step = end === from ? 0 : lines[end]!.at - lines[end - 1]!.at
    // What stands further below both columns is beneath them, however short it is.
    if (lines[end]!.segments.length === 1 && leading > 0 && step > APART * leading && !isSplit(lines, end, gutter)) break
    if (step > 0) leading = leading === 0 ? step : Math.min(leading, step)
    end++
  }
  return end
}

/** Whether columns go on after a line. */
const isSplit = (lines: readonly Line[], after: number, gutter: number): boolean => {
  const next = lines[after + 1]
  return next?.segments.length === 2 && next.segments[0]!.to <= gutter && next.segments[1]!.from >= gutter
}

function isProse (lines: readonly Line[], gutter: number): boolean {
  const split = lines.filter(({ segments }) => segments.length === 2)
  if (split.length < COLUMN_LINES || split.length < 0.6 * lines.length) return false
  const sides = [split.map(({ segments }) => segments[0]!), split.map(({ segments }) => segments[1]!)]
  return sides.every(segments => median(segments.map(({ text }) => wordCount(text))) >= PROSE_WORDS && isFilled(segments)) && split.every(({ segments }) => segments[0]!.to <= gutter)
}

/** Running text fills its lines; the cells of a table end where they end. */
function isFilled (segments: readonly Segment[]): boolean {
  const width = Math.max(...segments.map(({ to }) => to)) - Math.min(...segments.map(({ from }) => from))
  return median(segments.map(({ from, to }) => to - from)) > 0.7 * width
}

function side (line: Line, isOn: (segment: Segment) => boolean): Line[] {
  const segments = line.segments.filter(isOn)
  const [first] = segments
  return first === undefined ? [] : [{ ...line, segments, from: first.from, to: segments.at(-1)!.to }]
}

/** Puts columns of short lines beside each other, when their lines are level. */
function rowsOfTables (lines: readonly Line[]): Line[] {
  const blocks: Line[][] = []
  for (const line of lines) {
    const block = blocks.at(-1)
    const before = block?.at(-1)
    // The next column begins further up and to the right.
    if (before === undefined || (line.at < before.at - 0.5 * line.size && line.from >= before.from)) blocks.push([line])
    else block!.push(line)
  }
  const merged: Line[][] = []
  for (const block of blocks) {
    const table = merged.at(-1)
    if (table !== undefined && isBeside(table, block)) merged[merged.length - 1] = beside(table, block)
    else merged.push(block)
  }
  return merged.flat()
}

function isBeside (table: readonly Line[], block: readonly Line[]): boolean {
  if (block.length < TABLE_ROWS || table.length < TABLE_ROWS) return false
  if ([table.map(({ segments }) => segments.at(-1)!.text), block.map(lineText)].some(texts => median(texts.map(wordCount)) > CELL_WORDS)) return false
  const level = block.filter(line => levelWith(table, line) !== undefined)
  const others = level.map(line => levelWith(table, line)!)
  return level.length >= 0.8 * block.length && others.every((other, i) => other.to <= level[i]!.from + 1)
}

const levelWith = (lines: readonly Line[], line: Line): Line | undefined => lines.find(other => Math.abs(other.at - line.at) < 0.3 * line.size)

function beside (table: readonly Line[], block: readonly Line[]): Line[] {
  const rows = table.map(line => ({ ...line, segments: [...line.segments] }))
  for (const line of block) {
    const row = levelWith(rows, line) as typeof rows[number] | undefined
    if (row === undefined) rows.push({ ...line, segments: [...line.segments] })
    else {
      row.segments.push(...line.segments)
      row.to = line.to
    }
  }
  return rows
}

const wordCount = (text: string): number => text.trim().split(/\s+/).length

function median (numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
