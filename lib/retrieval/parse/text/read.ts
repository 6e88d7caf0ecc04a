import type { Section } from '../document.js'
import { decodeText } from './decode.js'

export const read = (bytes: Uint8Array): Section[] => [{ text: decodeText(bytes) }]
