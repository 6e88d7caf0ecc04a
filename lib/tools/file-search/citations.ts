import type { TextAnnotation } from '../../../schemas/messages.js'
import type { AnnotatedText, Annotator } from '../built-in-tool.js'

/**
 * A marker as the model is asked to write it, `【4:0†notes.txt】`: which search, which of its results, and a name for people. Older
 * models write `【13†source】`, a result of the last search.
 */
const MARKER = /【(?:(\d{1,6}):)?(\d{1,6})†[^【】]{0,512}】/g
/** The length of the longest marker, in UTF-16 units; longer text is not a marker. */
const LONGEST = 540

/** The file behind a marker's numbers, undefined when there is no such result. */
export type FindSource = (search: number | undefined, result: number) => string | undefined

export type FileCitation = TextAnnotation & { type: 'file_citation' }

/**
 * Finds citations in a text that comes in pieces, each as soon as its marker is complete. Markers stay in the text, so nothing is held
 * back. A marker that stands for no result is text like any other.
 *
 * Offsets count UTF-16 code units, as strings do in JavaScript, Java and .NET: there `value.slice(start_index, end_index)` is
 * the marker. They differ from counting code points (Python) only behind characters outside the Basic Multilingual Plane, such as emoji.
 */
export class CitationFinder {
  readonly #source: FindSource
  /** The end of the text so far, from the last place where a marker may have begun. */
  #open = ''
  #length = 0

  constructor (source: FindSource) {
    this.#source = source
  }

  /** The citations whose markers end in this piece. */
  push (piece: string): FileCitation[] {
    const text = this.#open + piece
    const offset = this.#length - this.#open.length
    this.#length += piece.length
    const found: FileCitation[] = []
    for (const match of text.matchAll(MARKER)) {
      const [marker, search, result] = match
      const fileId = this.#source(search === undefined ? undefined : Number(search), Number(result))
      if (fileId === undefined) continue
      const start = offset + match.index
      found.push({ type: 'file_citation', text: marker, start_index: start, end_index: start + marker.length, file_citation: { file_id: fileId } })
    }
    const from = text.lastIndexOf('【')
    const rest = from === -1 ? '' : text.slice(from)
    this.#open = rest.includes('】') || rest.length > LONGEST ? '' : rest
    return found
  }
}

/** Publishes a text as it comes, and each citation behind the piece that completes its marker. */
export class CitationAnnotator implements Annotator {
  readonly #finder: CitationFinder
  #length = 0

  constructor (source: FindSource) {
    this.#finder = new CitationFinder(source)
  }

  push (piece: string): AnnotatedText[] {
    const citations = this.#finder.push(piece)
    this.#length += piece.length
    return [
      { value: piece, annotations: [] },
      ...citations.map(citation => ({
        value: '',
        annotations: [{ ...citation, start_index: citation.start_index - this.#length, end_index: citation.end_index - this.#length }]
      }))
    ]
  }

  end (): AnnotatedText[] {
    return []
  }
}

/** How a result is to be cited. A name with brackets of its own would end the marker early. */
export const markerOf = (search: number, result: number, filename: string): string => `【${search}:${result}†${filename.replace(/[【】†]/g, '_')}】`
