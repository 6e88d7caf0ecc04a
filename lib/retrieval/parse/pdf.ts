import { getDocumentProxy } from 'unpdf'
import { unreadable, type Section } from './document.js'
import type { ReadContext } from './kinds.js'

/** Pages of one document. */
const MAX_PAGES = 20_000

/** The text of a PDF, page by page. Throws a `DocumentError`. */
export async function read (bytes: Uint8Array, { limits }: ReadContext): Promise<Section[]> {
  const document = await open(bytes)
  try {
    if (document.numPages > MAX_PAGES) throw unreadable('it is too large')
    const sections: Section[] = []
    let characters = 0
    for (let number = 1; number <= document.numPages; number++) {
      const page = await document.getPage(number)
      const { items } = await page.getTextContent() as { items: TextItem[] }
      const text = items.map(({ str = '', hasEOL }) => hasEOL === true ? str + '\n' : str).join('')
      page.cleanup()
      characters += text.length
      if (characters > limits.maxCharacters) throw unreadable('it is too large')
      sections.push({ text, page: number })
    }
    return sections
  } finally {
    await document.destroy()
  }
}

/** Words, or a mark without words. */
interface TextItem {
  str?: string
  hasEOL?: boolean
}

type Document = Awaited<ReturnType<typeof getDocumentProxy>>

async function open (bytes: Uint8Array): Promise<Document> {
  try {
    // No code from the file, no fonts, no warnings on the console.
    return await getDocumentProxy(bytes, { isEvalSupported: false, disableFontFace: true, useSystemFonts: false, verbosity: 0 })
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'PasswordException') throw unreadable('it is encrypted', cause)
    throw unreadable(undefined, cause)
  }
}
