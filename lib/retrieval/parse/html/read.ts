import type { Section } from '../document.js'
import { decodeText } from '../text/decode.js'
import { htmlToText } from './html-to-text.js'

export const read = (bytes: Uint8Array): Section[] => [{ text: htmlToText(decodeText(bytes, { isMarkup: true })) }]
