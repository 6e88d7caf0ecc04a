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
