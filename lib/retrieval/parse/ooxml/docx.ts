import { posix } from 'node:path'
import { unreadable, type Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { attribute } from '../xml.js'
import { chartText, drawingParagraphs } from './drawing.js'
import { Numbering } from './numbering.js'
import { OfficePackage } from './package.js'
import { NO_REFERENCES, storiesOf, storyText } from './word-story.js'

/** How a package begins. */
const ZIP = 0x50

/** The text of a Word document: headers, the body with notes and comments where they belong, footers. It has no pages until it is laid out. Throws a `DocumentError`. */
export async function read (bytes: Uint8Array, { limits, readInner }: ReadContext): Promise<Section[]> {
  // One that is not packed is the XML itself.
  if (bytes[0] !== ZIP) return [{ text: storyText(bytes, NO_REFERENCES) }]
  const pack = new OfficePackage(bytes, limits.maxUnpackedBytes)
  const main = pack.main('word/document.xml')
  const related = (type: string): Uint8Array | undefined => pack.part(pack.related(main, type)[0])
  const numbering = new Numbering(related('numbering'), related('styles'))
  const notes = new Map([
    ...notesOf(related('footnotes'), 'footnote'), ...notesOf(related('endnotes'), 'endnote'), ...notesOf(related('comments'), 'comment')
  ])
  const embedded = await embeddedTexts(pack, main, readInner)
  let characters = 0
  const body = storyText(pack.part(main), {
    number: (style, list, level) => numbering.next(style, list, level),
    note (element, id) {
      const key = `${element.replace('Reference', '')} ${id}`
      const text = notes.get(key) ?? ''
      // Where it is referred to first.
      notes.delete(key)
      return text
    },
    part (id) {
      const text = embedded.get(id) ?? ''
      characters += text.length
      if (characters > limits.maxCharacters) throw unreadable('it is too large')
      return text
    }
  })
  const [headers, footers] = ['header', 'footer'].map(type => pack.related(main, type).map(path => storyText(pack.part(path), NO_REFERENCES)))
  return [{ text: [...new Set([...headers ?? [], body, ...footers ?? []])].filter(text => text !== '').join('\n\n') }]
}

/** Notes by kind and number, with what says that they are such. */
function notesOf (xml: Uint8Array | undefined, element: 'footnote' | 'endnote' | 'comment'): [key: string, text: string][] {
  const found: [string, string][] = []
  for (const { text, attributes } of storiesOf(xml, element)) {
    const [id, author] = [attribute(attributes, 'id') ?? '', attribute(attributes, 'author')]
    const label = { footnote: 'Footnote', endnote: 'Endnote', comment: author === undefined ? 'Comment' : `Comment by ${author}` }[element]
    if (text !== '') found.push([`${element} ${id}`, `[${label}: ${text}]`])
  }
  return found
}

/** Charts, diagrams and documents of other kinds within the document, by relationship. */
async function embeddedTexts (pack: OfficePackage, main: string, readInner: ReadContext['readInner']): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  /** A part may be named often, and is read once. */
  const known = new Map<string, string>()
  for (const { id, type, path } of pack.relationships(main)) {
    const name = `${type} ${path}`
    const text = known.get(name) ?? await embeddedText(pack.part(path), type, path, readInner)
    known.set(name, text)
    texts.set(id, text)
  }
  return texts
}

async function embeddedText (part: Uint8Array | undefined, type: string, path: string, readInner: ReadContext['readInner']): Promise<string> {
  if (part === undefined) return ''
  if (type === 'chart' || type === 'chartEx') return chartText(part)
  if (type === 'diagramData') return drawingParagraphs(part)
  return type === 'aFChunk' ? (await readInner(posix.basename(path), part) ?? []).map(({ text }) => text).join('\n') : ''
}
