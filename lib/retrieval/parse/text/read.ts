import type { Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { extensionOf } from '../detect.js'
import { decodeText } from './decode.js'
import { notebookText } from './notebook.js'
import { asWritten } from './written.js'

export const read = (bytes: Uint8Array, { filename }: ReadContext): Section[] => {
  const text = decodeText(bytes)
  const extension = extensionOf(filename)
  const notebook = extension === 'ipynb' ? notebookText(text) : undefined
  return [{ text: notebook ?? asWritten(text, extension) }]
}
