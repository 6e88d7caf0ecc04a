import { unreadable, type Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { rowText } from '../html/html-to-text.js'
import { prefixed, walkXml } from '../xml.js'
import { altText, drawnText } from './drawing.js'
import { OfficePackage } from './package.js'

/** The text of a presentation, slide by slide in the order they are shown: shapes, tables, charts, diagrams, notes and comments. Throws a `DocumentError`. */
export function read (bytes: Uint8Array, { limits }: ReadContext): Section[] {
  const pack = new OfficePackage(bytes, limits.maxUnpackedBytes)
  const presentation = pack.main('ppt/presentation.xml')
  const targets = new Map(pack.relationships(presentation).map(({ id, path }) => [id, path]))
  const sections: Section[] = []
  let characters = 0
  for (const id of slideIds(pack.part(presentation))) {
    const slide = targets.get(id)
    const xml = pack.part(slide)
    const page = sections.length + 1
    if (slide === undefined || xml === undefined) {
      sections.push({ text: '', page, note: `Slide ${page} could not be read.` })
      continue
    }
    const beside = ['notesSlide', 'comments'].flatMap(type => pack.related(slide, type)).map(path => slideText(pack.part(path)))
    const text = [slideText(xml), drawnText(pack, slide), ...beside].filter(part => part !== '').join('\n')
    characters += text.length
    // One slide may be shown often.
    if (characters > limits.maxCharacters) throw unreadable('it is too large')
    sections.push({ text, page })
  }
  if (sections.length > 0 && sections.every(({ note }) => note !== undefined)) throw unreadable()
  return sections
}

function slideIds (presentation: Uint8Array | undefined): string[] {
  const ids: string[] = []
  walkXml(presentation, { open: (name, attributes) => { if (name === 'sldId') ids.push(prefixed(attributes, 'id') ?? '') } })
  return ids
}

/** A line for each paragraph and for each row of a table; pictures by what they say they show. */
function slideText (xml: Uint8Array | undefined): string {
  const lines: string[] = []
  let row: string[] | undefined
  let cell: string[] | undefined
  let line = ''
  let inText = false
  let skipping = 0
  const end = (): void => {
    if (line.trim() !== '') (cell ?? lines).push(line)
    line = ''
  }
  walkXml(xml, {
    open (name, attributes) {
      if (name === 'Fallback') skipping++
      inText = skipping === 0 && (name === 't' || name === 'text')
      if (name === 'br') line += '\n'
      else if (name === 'tab') line += '\t'
      else if (name === 'tr') row = []
      else if (name === 'tc') cell = []
      const description = skipping === 0 ? altText(name, attributes) : ''
      if (description !== '') (cell ?? lines).push(description)
    },
    text (data) { if (inText) line += data },
    close (name) {
      inText = false
      if (name === 'Fallback') skipping--
      else if (name === 'p' || name === 'text') end()
      else if (name === 'tc') {
        row?.push(cell?.join('\n') ?? '')
        cell = undefined
      } else if (name === 'tr') {
        if (row !== undefined) lines.push(rowText(row))
        row = undefined
      }
    }
  })
  end()
  return lines.join('\n').trim()
}
