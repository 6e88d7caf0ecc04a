import { rowText } from '../html/html-to-text.js'
import { beforeRaised } from '../raised.js'
import { walkXml, attribute } from '../xml.js'
import { AutoNumbers } from './auto-number.js'
import { Equation } from './equation.js'
import type { OfficePackage } from './package.js'

/** What is drawn into a document and has words: charts and diagrams that a part refers to, in its order. */
export function drawnText (pack: OfficePackage, part: string): string {
  return pack.distinct(part).map(({ type, path }) => {
    // Shapes may be drawn over a chart.
    if (type === 'chart' || type === 'chartEx') return [chartText(pack.part(path)), ...pack.related(path, 'chartUserShapes').map(shapes => shapesText(pack.part(shapes)))].join('\n').trim()
    return type === 'diagramData' ? drawingParagraphs(pack.part(path)) : ''
  }).filter(text => text !== '').join('\n')
}

interface Series {
  name: string
  categories: string[]
  values: string[]
}

/** Points of a series that are shown; a chart with more is a picture of data that are elsewhere. */
const MAX_POINTS = 10_000

/** A chart as the table that it was made from: titles, then a line for each category with the values of all series. */
export function chartText (xml: Uint8Array | undefined): string {
  const titles: string[] = []
  const series: Series[] = []
  let take: ((text: string) => void) | undefined
  let points: string[] | undefined
  let inText = false
  walkXml(xml, {
    open (name, attributes) {
      if (name === 'ser' || name === 'series') series.push({ name: '', categories: [], values: [] })
      const current = series.at(-1)
      if (name === 'title') {
        points = undefined
        titles.push('')
        take = text => { titles.push((titles.pop() ?? '') + text) }
      } else if (name === 'tx' && current !== undefined && take === undefined) {
        points = undefined
        take = text => { current.name += text }
      } else if (name === 'cat' || name === 'xVal' || name === 'strDim') points = current?.categories
      else if (name === 'val' || name === 'yVal' || name === 'numDim') points = current?.values
      else if (name === 'pt' && points !== undefined) {
        const [list, index] = [points, Number(attribute(attributes, 'idx') ?? points.length)]
        take = index >= 0 && index < MAX_POINTS ? text => { list[index] = (list[index] ?? '') + text } : undefined
      }
      inText = name === 'v' || name === 't' || (name === 'pt' && points !== undefined)
    },
    text (data) { if (inText) take?.(data) },
    close (name) {
      inText = false
      if (name === 'title' || name === 'tx' || name === 'pt') take = undefined
    }
  })
  const rows = Math.max(0, ...series.flatMap(({ categories, values }) => [categories.length, values.length]))
  const lines = [...titles]
  if (series.some(({ name }) => name.trim() !== '')) lines.push(['', ...series.map(({ name }) => name.trim())].join('\t'))
  const categories = series.find(one => one.categories.length > 0)?.categories ?? []
  for (let i = 0; i < rows; i++) lines.push([categories[i] ?? '', ...series.map(({ values }) => values[i] ?? '')].map(cell => cell.trim()).join('\t').trimEnd())
  return lines.filter(line => line.trim() !== '').join('\n')
}

/** The paragraphs of DrawingML, a line each. */
export function drawingParagraphs (xml: Uint8Array | undefined): string {
  let text = ''
  let inText = false
  walkXml(xml, {
    open (name) {
      inText = name === 't'
      if (name === 'br') text += '\n'
    },
    text (data) { if (inText) text += data },
    close (name) {
      inText = false
      if (name === 'p' && !text.endsWith('\n')) text += '\n'
    }
  })
  return text.trim()
}

/** Characters of a cell that is repeated in each of its rows. */
const MAX_REPEATED = 200

/** What a picture or shape says it shows, for those who cannot see it. */
export function altText (name: string, attributes: Readonly<Record<string, string>>): string {
  if (name !== 'cNvPr' && name !== 'docPr') return ''
  const [title, description] = [attribute(attributes, 'title'), attribute(attributes, 'descr')]
  return [...new Set([title, description])].filter(text => text !== undefined && text.trim() !== '').join(': ')
}

/** The words of shapes, also in groups: a line for each paragraph and for each row of a table; pictures by what they say they show. */
export function shapesText (xml: Uint8Array | undefined): string {
  const lines: string[] = []
  let row: string[] | undefined
  let above: string[] = []
  let isContinued = false
  let numbers = new AutoNumbers()
  let cell: string[] | undefined
  let line = ''
  let inText = false
  let isRaised = false
  let equation: Equation | undefined
  let skipping = 0
  const end = (): void => {
    if (line.trim() !== '') (cell ?? lines).push([numbers.end(), line].filter(text => text !== '').join(' '))
    line = ''
    numbers.paragraph()
  }
  walkXml(xml, {
    open (name, attributes) {
      if (name === 'Fallback') skipping++
      if (equation !== undefined) return equation.open(name, attributes)
      if (name === 'oMath' && skipping === 0) equation = new Equation()
      inText = skipping === 0 && (name === 't' || name === 'text')
      if (name === 'r') isRaised = false
      else if (name === 'rPr') isRaised = Number(attribute(attributes, 'baseline') ?? 0) > 0
      if (name === 'br') line += '\n'
      else if (name === 'tab') line += '\t'
      else if (name === 'tbl') above = []
      else if (name === 'tr') row = []
      else if (name === 'tc') {
        cell = []
        isContinued = attribute(attributes, 'vMerge') === '1'
      } else if (name === 'txBody') numbers = new AutoNumbers()
      else numbers.property(name, attributes)
      const description = skipping === 0 ? altText(name, attributes) : ''
      if (description !== '') (cell ?? lines).push(description)
    },
    text (data) {
      if (equation !== undefined) equation.text(data)
      else if (inText) line += (isRaised ? beforeRaised(line, data) : '') + data
    },
    close (name) {
      if (equation !== undefined) {
        if (name !== 'oMath') return equation.close(name)
        line += equation.toString()
        equation = undefined
        return
      }
      inText = false
      if (name === 'Fallback') skipping--
      else if (name === 'p' || name === 'text') end()
      else if (name === 'tc') {
        const text = cell?.join('\n') ?? ''
        const before = isContinued && text === '' ? above[row?.length ?? 0] ?? '' : ''
        row?.push(before.length <= MAX_REPEATED ? text + before : text)
        cell = undefined
      } else if (name === 'tr') {
        if (row !== undefined) lines.push(rowText(row))
        above = row ?? []
        row = undefined
      }
    }
  })
  end()
  return lines.join('\n').trim()
}
