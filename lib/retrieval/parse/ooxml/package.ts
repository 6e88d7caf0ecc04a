import { posix } from 'node:path'
import { attribute, walkXml } from '../xml.js'
import { readZip } from '../zip.js'

/** Where the words are; pictures and fonts stay packed. */
const WORDS = /\.(?:xml|rels|html?|xhtml|mht|rtf|txt|docx)$/i

/** What one part of a package refers to. */
export interface Relationship {
  id: string
  /** The last part of the type's address: `slide`, `footnotes`, `chart`. */
  type: string
  /** The part that is meant. */
  path: string
}

/** An Office document: parts in an archive, and relationships between them, by which alone they are found. */
export class OfficePackage {
  readonly #parts = new Map<string, Uint8Array>()

  /** Throws a `DocumentError`. */
  constructor (bytes: Uint8Array, maxUnpackedBytes: number) {
    for (const [name, content] of Object.entries(readZip(bytes, name => WORDS.test(name), maxUnpackedBytes))) this.#parts.set(key(name), content)
  }

  part (path: string | undefined): Uint8Array | undefined {
    return path === undefined ? undefined : this.#parts.get(key(path))
  }

  /** The part that is the document, by its relationship or else by the name that it usually has. */
  main (usual: string): string {
    return this.related('', 'officeDocument').find(path => this.part(path) !== undefined) ?? usual
  }

  /** The parts that one refers to by relationships of a type. */
  related (part: string, type: string): string[] {
    return this.distinct(part).filter(relationship => relationship.type === type).map(({ path }) => path)
  }

  /** The relationships of a part, of several to the same other part the first one: a small file can name a large part often. */
  distinct (part: string): Relationship[] {
    return [...new Map(this.relationships(part).reverse().map(relationship => [`${relationship.type} ${relationship.path}`, relationship])).values()].reverse()
  }

  relationships (part: string): Relationship[] {
    const folder = posix.dirname(part)
    const found: Relationship[] = []
    walkXml(this.part(`${folder}/_rels/${posix.basename(part)}.rels`), {
      open (name, attributes) {
        const [id, type, target] = ['Id', 'Type', 'Target'].map(wanted => attribute(attributes, wanted))
        if (name !== 'Relationship' || id === undefined || target === undefined || attribute(attributes, 'TargetMode') === 'External') return
        found.push({ id, type: type?.slice(type.lastIndexOf('/') + 1) ?? '', path: posix.resolve('/', folder, decoded(target)).slice(1) })
      }
    })
    return found
  }
}

/** Names in archives differ in case and slashes from what refers to them. */
const key = (path: string): string => posix.normalize(path.replaceAll('\\', '/')).replace(/^(?:\.?\/)+/, '').toLowerCase()

function decoded (target: string): string {
  try {
    return decodeURI(target)
  } catch {
    return target
  }
}
