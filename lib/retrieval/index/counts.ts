/** Words whose counts are kept; when there are more, all are counted anew. */
const MAX_KEPT = 20_000
/** How much of a count may have changed before it is made again. */
const SLACK = 1 / 50

/**
 * Numbers of chunks. Counting those of a common word reads all of them, and a search needs the count of each of its words, so a count
 * holds until one chunk in fifty of it may have come or gone. A count of zero holds until anything changes: what is new is found.
 */
export class Counts {
  readonly #kept = new Map<string, { count: number, at: number }>()
  #changes = 0

  /** Chunks came or went. */
  changed (chunks: number): void {
    this.#changes += chunks
  }

  of (what: string, count: () => number): number {
    const kept = this.#kept.get(what)
    if (kept !== undefined && this.#changes - kept.at <= kept.count * SLACK) return kept.count
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
    const counted = { count: count(), at: this.#changes }
    this.#kept.set(what, counted)
    return counted.count
  }
}
