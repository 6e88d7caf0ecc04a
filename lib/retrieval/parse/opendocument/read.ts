import { posix } from 'node:path'
import { unreadable, type Section } from '../document.js'
import type { ReadContext } from '../kinds.js'
import { walkXml } from '../xml.js'
import { readZip } from '../zip.js'
import { Lists } from './lists.js'
import { OpenDocumentText, type DrawnObject } from './text.js'

/** Documents within the document have their content below a name of their own. */
const CONTENT = /^(?:(?:[^/]+\/)?content|styles|META-INF\/manifest)\.xml$/
const HEADERS = new Set(['header', 'header-left', 'header-first'])
const FOOTERS = new Set(['footer', 'footer-left', 'footer-first'])

/**
 * The text of an OpenDocument text, spreadsheet or presentation (ODT, ODS, ODP): by sheet or slide where there are such, equations and
 * charts where they stand, the headers of a text before it and its footers after it. Throws a `DocumentError`.
 */
export function read (bytes: Uint8Array, { limits }: ReadContext): Section[] {
  const { maxCharacters } = limits
  // One that is not packed is the XML itself.
  if (bytes[0] !== 0x50) return sectionsOf(bytes, maxCharacters, bytes)
  const { 'content.xml': content, 'styles.xml': styles, 'META-INF/manifest.xml': manifest, ...objects } = readZip(bytes, name => CONTENT.test(name), limits.maxUnpackedBytes)
  if (content === undefined) throw unreadable()
  walkXml(manifest, { open: name => { if (name === 'encryption-data') throw unreadable('it is encrypted') } })
  return sectionsOf(content, maxCharacters, styles, address => objectOf(objects[posix.join(address, 'content.xml')], maxCharacters))
}

function sectionsOf (content: Uint8Array, maxCharacters: number, styles?: Uint8Array, object: (address: string) => DrawnObject | undefined = () => undefined): Section[] {
  const lists = new Lists(styles === content ? [content] : [styles, content])
  const known = new Map<string, DrawnObject | undefined>()
  const text = new OpenDocumentText({
    maxCharacters,
    lists,
    object (address) {
      // One object may be shown often, and is read once.
      if (!known.has(address)) known.set(address, object(address))
      return known.get(address)
    }
  })
  let isText = false
  let outer = ''
  walkXml(content, {
    open (name, attributes) {
      isText ||= name === 'text' && outer === 'body'
      outer = name
      text.open(name, attributes)
    },
    text: data => text.text(data),
    close: name => text.close(name)
  })
  const sections = text.sections()
  if (!isText) return sections
  const [headers, footers] = [HEADERS, FOOTERS].map(names => pageText(styles, names, maxCharacters))
  const parts = [...new Set([...headers ?? [], ...sections.map(({ text }) => text), ...footers ?? []])]
  return [{ text: parts.join('\n\n') }]
}

/** The texts that stand on every page, of each kind of pages. */
function pageText (styles: Uint8Array | undefined, names: ReadonlySet<string>, maxCharacters: number): string[] {
  const texts: string[] = []
  let text: OpenDocumentText | undefined
  walkXml(styles, {
    open (name, attributes) {
      if (names.has(name)) text = new OpenDocumentText({ maxCharacters, lists: new Lists([]), object: () => undefined })
      else text?.open(name, attributes)
    },
    text: data => text?.text(data),
    close (name) {
      if (!names.has(name)) return text?.close(name)
      texts.push((text?.sections() ?? []).map(section => section.text).join('\n'))
      text = undefined
    }
  })
  return texts.filter(one => one !== '')
}

/** An equation, or a chart as the table that it was made from. */
function objectOf (content: Uint8Array | undefined, maxCharacters: number): DrawnObject | undefined {
  let isMath: boolean | undefined
  const text = new OpenDocumentText({ maxCharacters, lists: new Lists([]), object: () => undefined })
  let skipping = 0
  walkXml(content, {
    open (name, attributes) {
      isMath ??= name === 'math'
      // In a chart drawings only name the cells that its data are from.
      if (name === 'g') skipping++
      if (skipping === 0) text.open(name, attributes)
    },
    text: data => { if (skipping === 0) text.text(data) },
    close (name) {
      if (skipping === 0) text.close(name)
      if (name === 'g') skipping--
    }
  })
  return isMath === undefined ? undefined : { text: text.sections().map(section => section.text).join('\n'), isInLine: isMath }
}
