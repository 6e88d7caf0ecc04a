/** How often the page is drawn at most while something streams. */
const DRAW_MS = 50

/**
 * Collects what arrives and hands it over in one piece, at most twenty times a second and for half of the time: to draw a long answer takes
 * longer than a token does to arrive.
 */
export class Drawing<T> {
  readonly #draw: (items: T[]) => void
  #waiting: T[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #restUntil = 0

  constructor (draw: (items: T[]) => void) {
    this.#draw = draw
  }

  add (item: T): void {
    this.#waiting.push(item)
    this.#timer ??= setTimeout(() => this.finish(), Math.max(0, this.#restUntil - performance.now()))
  }

  /** Hands over what there is, at once. */
  finish (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.length === 0) return
    const begun = performance.now()
    this.#restUntil = begun + DRAW_MS
    this.#draw(this.#waiting.splice(0))
    // By then the page has drawn it.
    setTimeout(() => { this.#restUntil = Math.max(this.#restUntil, 2 * performance.now() - begun) })
  }
}
