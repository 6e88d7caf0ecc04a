import { DocumentError, unreadable, type DocumentLimits, type Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import type { RecogniseText } from '../ocr.js'
import { withActualText } from './actual-text.js'
import { addAnnotations, type Annotation } from './annotations.js'
import type { TextItem } from './codes.js'
import { fragmentsOf } from './fragments.js'
import { joinHyphens } from './hyphens.js'
import { lineText, linesOf } from './lines.js'
import { openPdf, type PdfDocument, type PdfPage } from './open.js'
import { inReadingOrder } from './order.js'
import { pagePictures } from './pictures.js'
import { rebuilt, repairPages } from './repair.js'

/** Pages of one document. */
const MAX_PAGES = 20_000
/** Pages of one document that are read from their pictures, seconds each. */
const MAX_SCANNED_PAGES = 200

/**
 * The text of a PDF, page by page, with what was typed into its forms and noted on it, and then what is attached to it, by name. A page that is
 * broken is left out. Throws a `DocumentError`.
 */
export async function read (bytes: Uint8Array, { limits, recognise, readInner }: ReadContext): Promise<Section[]> {
  // pdf.js takes the bytes away.
  const scans = new Scans(recognise)
  let whole = bytes
  const attached: Section[] = []
  const sections = await readPages(bytes.slice(), limits, scans, async document => { attached.push(...await attachedSections(document, limits, readInner)) }).catch(async (error: unknown) => {
    const copy = isBroken(error) ? rebuilt(bytes, limits.maxUnpackedBytes) : undefined
    if (copy === undefined) throw error
    whole = copy
    return await readPages(copy.slice(), limits, scans)
  })
  const broken = sections.filter(({ note }) => note !== undefined)
  const mended = broken.length === 0 ? undefined : repairPages(whole)
  const more = mended === undefined ? [] : await readPages(mended, limits, scans).catch(() => [])
  const all = more.length > sections.length ? more.map(section => ({ ...section, ...broken.find(({ page }) => page === section.page) })) : sections
  if (all.length > 0 && all.every(({ text, note }) => note !== undefined && text === '')) throw scans.failure ?? unreadable()
  return [...all, ...attached, ...whole === bytes ? [] : [{ text: '', note: 'The end of the file is missing.' }]]
}

/** Files that are attached to one document, and read. */
const MAX_ATTACHMENTS = 100

/** A portfolio is nothing but its attachments, and a note on its one page. */
async function attachedSections (document: PdfDocument, limits: DocumentLimits, readInner: ReadContext['readInner']): Promise<Section[]> {
  const files = await document.getAttachments().catch(() => null) as Record<string, { filename?: string, content?: Uint8Array | null }> | null
  const sections: Section[] = []
  let bytes = 0
  for (const { filename = '', content } of Object.values(files ?? {}).slice(0, MAX_ATTACHMENTS)) {
    bytes += content?.length ?? 0
    if (bytes > limits.maxUnpackedBytes) break
    const inner = content == null || content.length === 0 ? undefined : await readInner(filename, content)
    if (inner !== undefined) sections.push({ text: [filename, ...inner.map(({ text }) => text)].join('\n') })
  }
  return sections
}

/** Whether a file could not be opened, for another reason than that it is encrypted. */
const isBroken = (error: unknown): boolean => error instanceof DocumentError && error.cause instanceof Error && error.cause.name !== 'PasswordException'

/** A page number alone does not make a page one of text. */
const HAS_WORDS = /\p{L}{2}|\p{sc=Han}/u

async function readPages (bytes: Uint8Array, limits: DocumentLimits, scans: Scans, then?: (document: PdfDocument) => Promise<void>): Promise<Section[]> {
  const document = await openPdf(bytes)
  try {
    if (document.numPages > MAX_PAGES) throw unreadable('it is too large')
    const sections: Section[] = []
    let characters = 0
    for (let number = 1; number <= document.numPages; number++) {
      const section = await readPage(document, number, scans)
      characters += section.text.length
      if (characters > limits.maxCharacters) throw unreadable('it is too large')
      sections.push(section)
    }
    await then?.(document)
    return sections
  } finally {
    await document.destroy()
  }
}

async function readPage (document: PdfDocument, number: number, scans: Scans): Promise<Section> {
  try {
    const page = await document.getPage(number)
    try {
      const text = await pageText(page)
      return HAS_WORDS.test(text) ? { text, page: number } : await scans.read(page, number, text)
    } finally {
      page.cleanup()
    }
  } catch {
    return { text: '', page: number, note: `Page ${number} could not be read.` }
  }
}

/** Pages that are pictures, in a document whose other pages may be text. */
class Scans {
  readonly #recognise: RecogniseText | undefined
  #pages = 0
  /** Why pictures could not be read. */
  failure: DocumentError | undefined

  constructor (recognise: RecogniseText | undefined) {
    this.#recognise = recognise
  }

  async read (page: PdfPage, number: number, text: string): Promise<Section> {
    const recognise = this.#recognise
    const pictures = recognise === undefined ? [] : await pagePictures(page)
    if (recognise === undefined || pictures.length === 0) return { text, page: number }
    const unread = { text, page: number, note: `Page ${number} is a picture, and was not read.` }
    if (this.failure !== undefined || ++this.#pages > MAX_SCANNED_PAGES) return unread
    try {
      const found: string[] = []
      for (const picture of pictures) found.push(await recognise(picture))
      return { text: [text, ...found].filter(part => part !== '').join('\n'), page: number }
    } catch (error) {
      if (error instanceof DocumentError) this.failure = error
      return unread
    }
  }
}

async function pageText (page: PdfPage): Promise<string> {
  const [content, annotations] = await Promise.all([page.getTextContent({ includeMarkedContent: true }), page.getAnnotations().catch(() => [])])
  const frames = fragmentsOf(withActualText(content.items as TextItem[])).map(fragments => inReadingOrder(linesOf(fragments)))
  const after = addAnnotations(frames[0] ?? [], annotations as Annotation[])
  return joinHyphens([...frames.flatMap(lines => lines.map(lineText)), ...after]).join('\n')
}
