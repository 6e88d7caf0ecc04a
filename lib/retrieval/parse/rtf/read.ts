import { Readable } from 'node:stream'
import { Tokenize } from 'rtf-stream-parser'
import type { Section } from '../document.js'
import { RtfText, type RtfToken } from './rtf-to-text.js'

/** Bytes that are handed to the tokenizer at a time: it keeps what it makes of them until it is taken. */
const PIECE = 64 * 1024

/** The text of a document in Rich Text Format. */
export async function read (bytes: Uint8Array): Promise<Section[]> {
  const text = new RtfText()
  for await (const token of Readable.from(pieces(bytes)).pipe(new Tokenize()) as AsyncIterable<RtfToken>) text.add(token)
  return [{ text: text.toString() }]
}

function * pieces (bytes: Uint8Array): Generator<Buffer> {
  for (let i = 0; i < bytes.length; i += PIECE) yield Buffer.from(bytes.buffer, bytes.byteOffset + i, Math.min(PIECE, bytes.length - i))
}
