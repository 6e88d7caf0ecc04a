/** What a cell of a notebook keeps as text: one string, or the lines of it. */
type Lines = string | readonly string[] | undefined

interface Notebook {
  cells?: Cell[]
  /** Before version 4. */
  worksheets?: { cells?: Cell[] }[]
}

interface Cell {
  source?: Lines
  /** Of code before version 4. */
  input?: Lines
  outputs?: { text?: Lines, data?: Record<string, unknown>, traceback?: Lines }[]
}

/** The cells of a notebook of Jupyter with what they have written; pictures are left out. Undefined for other JSON. */
export function notebookText (json: string): string | undefined {
  let notebook: Notebook | null
  try {
    notebook = JSON.parse(json) as Notebook | null
  } catch {
    return undefined
  }
  const cells = notebook?.cells ?? notebook?.worksheets?.flatMap(({ cells }) => cells ?? [])
  if (!Array.isArray(cells)) return undefined
  const parts: string[] = []
  for (const cell of cells) {
    parts.push(textOf(cell.source ?? cell.input))
    for (const { text, data, traceback } of Array.isArray(cell.outputs) ? cell.outputs : []) {
      const shown = data?.['text/plain'] ?? data?.['text/markdown']
      parts.push(textOf(text), textOf(shown as Lines), textOf(traceback).replace(COLOURS, ''))
    }
  }
  return parts.map(part => part.trim()).filter(part => part !== '').join('\n\n')
}

/** Marks of a terminal. */
// eslint-disable-next-line no-control-regex
const COLOURS = /\u001b\[[\d;]*m/g

const textOf = (lines: unknown): string => typeof lines === 'string' ? lines : Array.isArray(lines) ? lines.filter(line => typeof line === 'string').join('') : ''
