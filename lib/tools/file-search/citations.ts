import type { TextAnnotation } from '../../../schemas/messages.js'
import type { AnnotatedText, Annotator } from '../built-in-tool.js'

/**
 * A marker as the model is asked to write it, `【4:0†notes.txt】`: which search, which of its results, and a name for people. Older
 * models write `【13†source】`, a result of the last search.
 */
const MARKER = /【(?:(\d{1,6}):)?(\d{1,6})†[^【】]{0,512}】/y
/** The end of a text that may yet become a marker. */
const BEGINNING = /【(?:\d{0,6}|\d{1,6}:\d{0,6}|(?:\d{1,6}:)?\d{1,6}†[^【】]{0,512})$/y

/** The file behind a marker's numbers, undefined when there is no such result. */
export type FindSource = (search: number | undefined, result: number) => string | undefined

export type FileCitation = TextAnnotation & { type: 'file_citation' }

/**
 * Finds citations in a text that comes in pieces. A marker is a piece of its own and has its citation with it, as clients rely on: they
 * replace the one by the other. So what may become a marker is held back until it has or cannot any more. Markers stay in the text; one
 * that stands for no result is text like any other.
 */
export class CitationAnnotator implements Annotator {
  readonly #source: FindSource
  #held = ''

  constructor (source: FindSource) {
    this.#source = source
  }

  push (piece: string): AnnotatedText[] {
    const text = this.#held + piece
    const found: AnnotatedText[] = []
    let published = 0
    const publish = (to: number, annotations: FileCitation[] = []): void => {
      if (to > published) found.push({ value: text.slice(published, to), annotations })
      published = to
    }
    let at = text.indexOf('【')
    for (; at !== -1; at = text.indexOf('【', at)) {
      const marker = this.#markerAt(text, at)
      if (marker !== undefined) {
        publish(at)
        publish(at + marker.text.length, [marker])
        at = published
      } else if (matchAt(BEGINNING, text, at) !== null) {
        break
      } else {
        at++
      }
    }
    const held = at === -1 ? text.length : at
    publish(held)
    this.#held = text.slice(held)
    return found
  }

  end (): AnnotatedText[] {
    const held = this.#held
    this.#held = ''
    return held === '' ? [] : [{ value: held, annotations: [] }]
  }

  #markerAt (text: string, at: number): FileCitation | undefined {
    const match = matchAt(MARKER, text, at)
    if (match === null) return undefined
    const [marker, search, result] = match
    const fileId = this.#source(search === undefined ? undefined : Number(search), Number(result))
    if (fileId === undefined) return undefined
    return { type: 'file_citation', text: marker, start_index: 0, end_index: marker.length, file_citation: { file_id: fileId } }
  }
}

function matchAt (pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** How a result is to be cited. A name with brackets of its own would end the marker early. */
export const markerOf = (search: number, result: number, filename: string): string => `【${search}:${result}†${filename.replace(/[【】†]/g, '_')}】`
