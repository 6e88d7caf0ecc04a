import type { AnnotatedText, Annotator } from '../built-in-tool.js'

/** How models link files that code has written. */
const PREFIX = 'sandbox:/mnt/data/'
/** A link ends before one of these. */
const END = /[\s()[\]<>"'`*|]/
/** What may stand right behind a link in a sentence. */
const PUNCTUATION = /[.,;:!?]+$/
const LONGEST = 1024 + PREFIX.length

/** The id of the file at a path below `/mnt/data`. */
export type FindFile = (path: string) => string | undefined

/**
 * Finds links to files that code has written. A link is held back until it has ended, so that it comes in one piece with its annotation,
 * as the real API sends it; all other text passes.
 */
export class LinkAnnotator implements Annotator {
  readonly #find: FindFile
  /** The end of the text so far, from where a link may have begun. */
  #held = ''

  constructor (find: FindFile) {
    this.#find = find
  }

  push (piece: string): AnnotatedText[] {
    const text = this.#held + piece
    const pieces: AnnotatedText[] = []
    let from = 0
    for (let start = text.indexOf(PREFIX); start !== -1; start = text.indexOf(PREFIX, from)) {
      const length = text.slice(start + PREFIX.length).search(END)
      const end = length === -1 ? text.length : start + PREFIX.length + length
      pieces.push(plain(text.slice(from, start)))
      from = start
      if (length === -1 && text.length - start <= LONGEST) break
      pieces.push(...this.#annotate(text.slice(start, end)))
      from = end
    }
    this.#held = text.startsWith(PREFIX, from) ? text.slice(from) : beginning(text.slice(from))
    pieces.push(plain(text.slice(from, text.length - this.#held.length)))
    return pieces.filter(({ value }) => value !== '')
  }

  end (): AnnotatedText[] {
    const held = this.#held
    this.#held = ''
    if (held === '') return []
    return held.startsWith(PREFIX) ? this.#annotate(held) : [plain(held)]
  }

  #annotate (written: string): AnnotatedText[] {
    for (const link of [written, written.replace(PUNCTUATION, '')]) {
      const fileId = this.#find(decoded(link.slice(PREFIX.length)))
      if (fileId === undefined) continue
      const annotated: AnnotatedText = { value: link, annotations: [{ type: 'file_path', text: link, start_index: 0, end_index: link.length, file_path: { file_id: fileId } }] }
      return link === written ? [annotated] : [annotated, plain(written.slice(link.length))]
    }
    return [plain(written)]
  }
}

const plain = (value: string): AnnotatedText => ({ value, annotations: [] })

/** The longest end of the text that a link may begin with. */
function beginning (text: string): string {
  for (let length = Math.min(PREFIX.length - 1, text.length); length > 0; length--) {
    if (PREFIX.startsWith(text.slice(-length))) return text.slice(-length)
  }
  return ''
}

function decoded (path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
