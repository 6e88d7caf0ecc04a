import { unreadable, type Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { prefixed, walkXml } from '../xml.js'
import { drawnText, shapesText } from './drawing.js'
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
    const beside = ['notesSlide', 'comments'].flatMap(type => pack.related(slide, type)).map(path => shapesText(pack.part(path)))
    const text = [shapesText(xml), drawnText(pack, slide), ...beside].filter(part => part !== '').join('\n')
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
