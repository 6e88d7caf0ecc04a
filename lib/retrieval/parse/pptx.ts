import { posix } from 'node:path'
import { Parser } from 'htmlparser2'
import { unreadable, type DocumentLimits, type Section } from './document.js'
import { readZip } from './zip.js'

/** The presentation, its slides, their notes, and what connects them. */
const PARTS = /^ppt\/(presentation\.xml|_rels\/presentation\.xml\.rels|(slides|notesSlides)\/([^/]+\.xml|_rels\/[^/]+\.rels))$/
const PRESENTATION = 'ppt/presentation.xml'

type Entries = Record<string, Uint8Array>

/** The text of a presentation, slide by slide in the order they are shown, notes included. Throws a `DocumentError`. */
export function pptxSections (bytes: Uint8Array, limits: DocumentLimits): Section[] {
  const entries = readZip(bytes, name => PARTS.test(name), limits.maxUnpackedBytes)
  const targets = relationships(entries, PRESENTATION)
  const sections: Section[] = []
  for (const id of slideIds(entries[PRESENTATION])) {
    const slide = targets.find(target => target.id === id)?.path ?? ''
    const xml = entries[slide]
    if (xml === undefined) throw unreadable()
    const notes = relationships(entries, slide).filter(({ path }) => path.startsWith('ppt/notesSlides/'))
    const text = [xml, ...notes.flatMap(({ path }) => entries[path] ?? [])].map(paragraphs).join('\n')
    sections.push({ text, page: sections.length + 1 })
  }
  return sections
}

function slideIds (presentation: Uint8Array | undefined): string[] {
  const ids: string[] = []
  walk(presentation, { open: (name, attributes) => { if (name === 'p:sldId') ids.push(attributes['r:id'] ?? '') } })
  return ids
}

interface Relationship {
  id: string
  path: string
}

/** What a part of the package refers to. */
function relationships (entries: Entries, part: string): Relationship[] {
  const folder = posix.dirname(part)
  const found: Relationship[] = []
  walk(entries[`${folder}/_rels/${posix.basename(part)}.rels`], {
    open (name, { Id: id, Target: target }) {
      if (name === 'Relationship' && id !== undefined && target !== undefined) found.push({ id, path: posix.resolve('/', folder, target).slice(1) })
    }
  })
  return found
}

/** A line for each paragraph. */
function paragraphs (xml: Uint8Array): string {
  let text = ''
  let inText = false
  walk(xml, {
    open (name) {
      inText = name === 'a:t'
      if (name === 'a:br') text += '\n'
      if (name === 'a:tab') text += '\t'
    },
    text (data) { if (inText) text += data },
    close (name) {
      if (name === 'a:t') inText = false
      if (name === 'a:p') text += '\n'
    }
  })
  return text.replace(/\n{3,}/g, '\n\n')
}

interface Visitor {
  open (name: string, attributes: Record<string, string>): void
  text? (data: string): void
  close? (name: string): void
}

/** Reads XML piece by piece: no tree, and so no depth that could be too great. */
function walk (xml: Uint8Array | undefined, visitor: Visitor): void {
  if (xml === undefined) return
  const parser = new Parser({
    onopentag: (name, attributes) => visitor.open(name, attributes),
    ontext: data => visitor.text?.(data),
    onclosetag: name => visitor.close?.(name)
  }, { xmlMode: true })
  parser.end(new TextDecoder().decode(xml))
}
