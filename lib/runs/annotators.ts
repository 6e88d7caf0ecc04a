import type { AnnotatedText, Annotator } from '../tools/built-in-tool.js'

/** Several annotators of one text as one; undefined for none. Each reads what the one before has passed on without an annotation. */
export function chainAnnotators (annotators: readonly Annotator[]): Annotator | undefined {
  const [first, ...rest] = annotators
  if (first === undefined) return undefined
  return rest.reduce<Annotator>((before, next) => new Chain(before, next), first)
}

class Chain implements Annotator {
  readonly #first: Annotator
  readonly #second: Annotator

  constructor (first: Annotator, second: Annotator) {
    this.#first = first
    this.#second = second
  }

  push (piece: string): AnnotatedText[] {
    return this.#through(this.#first.push(piece))
  }

  end (): AnnotatedText[] {
    return [...this.#through(this.#first.end()), ...this.#second.end()]
  }

  /** A passage that is annotated already goes past the second annotator, behind all that this one holds back. */
  #through (pieces: readonly AnnotatedText[]): AnnotatedText[] {
    return pieces.flatMap(piece => piece.annotations.length > 0 ? [...this.#second.end(), piece] : this.#second.push(piece.value))
  }
}

/** What offsets of annotations count: UTF-16 code units, as JavaScript, Java and .NET index strings, or code points, as Python does. */
export type OffsetUnit = 'utf16' | 'code_points'

export function lengthIn (unit: OffsetUnit, text: string): number {
  if (unit === 'utf16') return text.length
  // Every pair of surrogates is one code point.
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0)
}
