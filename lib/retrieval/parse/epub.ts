import { posix } from 'node:path'
import { unreadable, type Section } from './document.js'
import { htmlToText } from './html/html-to-text.js'
import type { ReadContext } from './kinds.js'
import { decodeText } from './text/decode.js'
import { attribute, walkXml } from './xml.js'
import { readZip } from './zip.js'

const WORDS = /\.(?:opf|x?html?|xml)$/i

/** The text of a book in EPUB, chapter by chapter in the order of its spine. Throws a `DocumentError`. */
export function read (bytes: Uint8Array, { limits }: ReadContext): Section[] {
  const entries = readZip(bytes, name => WORDS.test(name), limits.maxUnpackedBytes)
  const packagePath = rootFile(entries['META-INF/container.xml']) ?? Object.keys(entries).find(name => name.endsWith('.opf'))
  const book = packagePath === undefined ? undefined : entries[packagePath]
  if (packagePath === undefined || book === undefined) throw unreadable()
  if ('META-INF/encryption.xml' in entries && isEncrypted(entries['META-INF/encryption.xml'])) throw unreadable('it is encrypted')
  const { title, chapters } = contents(book, posix.dirname(packagePath))
  // A book may name a chapter by many names.
  const texts = [...new Set(chapters)].map(path => entries[path]).filter(content => content !== undefined).map(content => htmlToText(decodeText(content, { isMarkup: true })))
  if (texts.length === 0) throw unreadable()
  return [title, ...texts].filter(text => text !== '').map(text => ({ text }))
}

function rootFile (container: Uint8Array | undefined): string | undefined {
  let path: string | undefined
  walkXml(container, { open: (name, attributes) => { if (name === 'rootfile') path ??= attribute(attributes, 'full-path') } })
  return path
}

/** Fonts may be obfuscated; chapters that are encrypted cannot be read. */
function isEncrypted (encryption: Uint8Array | undefined): boolean {
  let found = false
  walkXml(encryption, { open: (name, attributes) => { found ||= name === 'CipherReference' && /\.x?html?$/i.test(attribute(attributes, 'URI') ?? '') } })
  return found
}

function contents (book: Uint8Array, folder: string): { title: string, chapters: string[] } {
  const items = new Map<string, string>()
  const spine: string[] = []
  let title = ''
  let inTitle = false
  walkXml(book, {
    open (name, attributes) {
      const [id, href, reference] = ['id', 'href', 'idref'].map(key => attribute(attributes, key))
      if (name === 'item' && id !== undefined && href !== undefined) items.set(id, posix.normalize(posix.join(folder, unescaped(href))))
      if (name === 'itemref' && reference !== undefined) spine.push(reference)
      inTitle = name === 'title'
    },
    text (data) { if (inTitle) title += data },
    close () { inTitle = false }
  })
  return { title: title.trim(), chapters: [...new Set(spine)].flatMap(id => items.get(id) ?? []) }
}

function unescaped (href: string): string {
  try {
    return decodeURIComponent(href)
  } catch {
    return href
  }
}
