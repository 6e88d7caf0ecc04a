import { unreadable, type DocumentLimits, type Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { addAnnotations, type Annotation } from './annotations.js'
import { fragmentsOf, type TextItem } from './fragments.js'
import { joinHyphens } from './hyphens.js'
import { lineText, linesOf } from './lines.js'
import { openPdf, type PdfDocument, type PdfPage } from './open.js'
import { inReadingOrder } from './order.js'
import { repairPages } from './repair.js'

/** Pages of one document. */
const MAX_PAGES = 20_000

/** The text of a PDF, page by page, with what was typed into its forms and noted on it. A page that is broken is left out. Throws a `DocumentError`. */
export async function read (bytes: Uint8Array, { limits }: ReadContext): Promise<Section[]> {
  // pdf.js takes the bytes away.
  const sections = await readPages(bytes.slice(), limits)
  const broken = sections.filter(({ note }) => note !== undefined)
  const mended = broken.length === 0 ? undefined : repairPages(bytes)
  const more = mended === undefined ? [] : await readPages(mended, limits).catch(() => [])
  const all = more.length > sections.length ? more.map(section => ({ ...section, ...broken.find(({ page }) => page === section.page) })) : sections
  if (all.length > 0 && all.every(({ note }) => note !== undefined)) throw unreadable()
  return all
}

async function readPages (bytes: Uint8Array, limits: DocumentLimits): Promise<Section[]> {
  const document = await openPdf(bytes)
  try {
    if (document.numPages > MAX_PAGES) throw unreadable('it is too large')
    const sections: Section[] = []
    let characters = 0
    for (let number = 1; number <= document.numPages; number++) {
      const section = await readPage(document, number)
      characters += section.text.length
      if (characters > limits.maxCharacters) throw unreadable('it is too large')
      sections.push(section)
    }
    return sections
  } finally {
    await document.destroy()
  }
}

async function readPage (document: PdfDocument, number: number): Promise<Section> {
  try {
    const page = await document.getPage(number)
    try {
      return { text: await pageText(page), page: number }
    } finally {
      page.cleanup()
    }
  } catch {
    return { text: '', page: number, note: `Page ${number} could not be read.` }
  }
}

async function pageText (page: PdfPage): Promise<string> {
  const [content, annotations] = await Promise.all([page.getTextContent(), page.getAnnotations().catch(() => [])])
  const frames = fragmentsOf(content.items as TextItem[]).map(fragments => inReadingOrder(linesOf(fragments)))
  const after = addAnnotations(frames[0] ?? [], annotations as Annotation[])
  return joinHyphens([...frames.flatMap(lines => lines.map(lineText)), ...after]).join('\n')
}
