import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'tap'
import { root } from '../helpers/paths.js'

interface Matrix {
  AREAS: Record<string, string>
  CLIENTS: { name: string, alias: string, file: string }[]
  PACKAGES: Record<string, string>
  page (results: Map<string, object>): string
}

const matrix = await import(pathToFileURL(join(root, 'scripts/compat/matrix.js')).href) as Matrix
const committed = readFileSync(join(root, 'docs/compatibility.md'), 'utf8')
const cellsOf = (page: string): string[][] => page.split('\n').filter(line => line.startsWith('| ')).map(line => line.split('|').slice(1, -1).map(cell => cell.trim()))

test('every client of the matrix is installed by the command and has its checks', t => {
  for (const { alias, file, name } of matrix.CLIENTS) {
    t.ok(alias in matrix.PACKAGES, name)
    t.ok(existsSync(join(root, 'scripts/compat/clients', file)), file)
  }
  t.equal(new Set(matrix.CLIENTS.map(({ name }) => name)).size, matrix.CLIENTS.length)
  t.end()
})

test('docs/compatibility.md has the clients and areas of the script, and in every cell what a run can bring', t => {
  const [head = [], , versions = [], dates = [], nodes = [], ...areas] = cellsOf(committed)
  t.strictSame(head, ['', ...matrix.CLIENTS.map(({ name }) => name)], 'run npm run compat')
  t.strictSame(areas.map(([title]) => title), Object.values(matrix.AREAS), 'run npm run compat')
  const [, ...each] = versions
  for (const version of each) t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/)
  for (const date of dates.slice(1)) t.match(date, /^20\d\d-\d\d-\d\d$/)
  for (const node of nodes.slice(1)) t.match(node, /^\d+\.\d+\.\d+$/)
  for (const [title = '', ...cells] of areas) {
    t.equal(cells.length, matrix.CLIENTS.length, title)
    for (const cell of cells) t.match(cell, /^(yes|–|no \[\d+\]|Node \d+)$/, title)
  }
  t.end()
})

test('the page says which Node a client asks for, and why a check failed', t => {
  const result = (cells: object, lacking?: string) => ({ version: '1.0.0', node: '20.0.0', date: '2026-01-31', lacking, cells })
  const passed = Object.fromEntries(Object.keys(matrix.AREAS).map(area => [area, { outcome: 'passed' }]))
  const skipped = Object.fromEntries(Object.keys(matrix.AREAS).map(area => [area, { outcome: 'skipped' }]))
  const results = new Map(matrix.CLIENTS.map(({ name }) => [name, result(passed)]))
  results.set('openai 7', result(skipped, '22'))
  results.set('LangChain', result({ ...passed, runs: { outcome: 'failed', reason: 'it broke' }, files: { outcome: 'absent' }, errors: undefined }))
  const page = matrix.page(results)
  const cell = (title: string, name: string): string | undefined => cellsOf(page).find(([first]) => first === title)?.[matrix.CLIENTS.findIndex(client => client.name === name) + 1]
  t.strictSame([cell('Runs', 'openai 7'), cell('Runs', 'openai 6'), cell('Runs', 'LangChain'), cell('Files', 'LangChain'), cell('Errors', 'LangChain')], ['Node 22', 'yes', 'no [1]', '–', 'no [2]'])
  t.match(page, '[1] LangChain, Runs: it broke')
  t.match(page, '[2] LangChain, Errors: the run ended before it')
  // The form is that of the page that was committed.
  t.strictSame(cellsOf(page).map(([first]) => first), cellsOf(committed).map(([first]) => first))
  t.end()
})
