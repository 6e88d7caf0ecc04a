import { Parser } from 'htmlparser2'
import { unreadable } from './document.js'
import { decodeText } from './text/decode.js'

/** Elements within elements. The parser takes time by the square of it. */
const MAX_DEPTH = 20_000

/** Throws the `DocumentError` for markup that no program has written. */
export function requireDepth (depth: number): void {
  if (depth > MAX_DEPTH) throw unreadable('it is nested too deeply')
}

/** What happens in an XML document. Names of elements come without their prefix: producers choose it. */
export interface XmlVisitor {
  open? (name: string, attributes: XmlAttributes): void
  text? (data: string): void
  close? (name: string): void
}

/** Attributes as they are written, prefix included. */
export type XmlAttributes = Readonly<Record<string, string>>

/** Reads XML piece by piece: no tree. No entities but the five of XML. */
export function walkXml (xml: Uint8Array | string | undefined, visitor: XmlVisitor): void {
  if (xml === undefined || xml.length === 0) return
  let depth = 0
  const parser = new Parser({
    onopentag (name, attributes) {
      requireDepth(++depth)
      visitor.open?.(localName(name), attributes)
    },
    ontext: data => visitor.text?.(data),
    onclosetag (name) {
      depth--
      visitor.close?.(localName(name))
    }
  }, { xmlMode: true })
  parser.end(typeof xml === 'string' ? xml : decodeText(xml, { isMarkup: true }))
}

export function localName (name: string): string {
  const colon = name.indexOf(':')
  return colon === -1 ? name : name.slice(colon + 1)
}

/** The value of an attribute, whatever its prefix; the one without a prefix comes first. */
export function attribute (attributes: XmlAttributes, name: string): string | undefined {
  const plain = attributes[name]
  if (plain !== undefined) return plain
  for (const key in attributes) if (localName(key) === name) return attributes[key]
  return undefined
}

/** The value of an attribute that has a prefix, as references to other parts of a package do (`r:id` beside `id`). */
export function prefixed (attributes: XmlAttributes, name: string): string | undefined {
  for (const key in attributes) if (key !== name && localName(key) === name) return attributes[key]
  return undefined
}
