import { getHeapStatistics } from 'node:v8'

/** What is held of a project, in bytes. */
export interface Holding {
  /** Ends it. May be called any number of times. */
  end (): void
}

interface Held {
  bytes: number
  giveUp: () => void
}

/** More is of little use: what was given up is read from the store when it is asked for, which is seldom. */
const ENOUGH_BYTES = 64 * 1024 * 1024

/** A quarter of what the process may use leaves room for the requests under way and for the garbage of both. */
export const defaultBudgetBytes = (): number => Math.min(Math.floor(getHeapStatistics().heap_size_limit / 4), ENOUGH_BYTES)

/**
 * The bytes that a process keeps beyond need: what its readers might yet ask for. When all projects together hold too much, the one that
 * holds most gives up what it has held longest; so one project's waste costs others nothing.
 */
export class ByteBudget {
  readonly #most: number
  #bytes = 0
  readonly #projects = new Map<string, { bytes: number, held: Set<Held> }>()

  constructor (most = defaultBudgetBytes()) {
    this.#most = most
  }

  /** Bytes held now. */
  get bytes (): number {
    return this.#bytes
  }

  /**
   * Holds bytes of a project.
   *
   * @param giveUp called when the bytes have to be released to make room; at once if they exceed the whole budget.
   */
  hold (project: string, bytes: number, giveUp: () => void): Holding {
    const held: Held = { bytes, giveUp }
    const of = this.#projects.get(project) ?? { bytes: 0, held: new Set() }
    this.#projects.set(project, of)
    of.held.add(held)
    of.bytes += bytes
    this.#bytes += bytes
    while (this.#bytes > this.#most) this.#giveUpOldest()
    return { end: () => this.#end(project, held) }
  }

  #giveUpOldest (): void {
    const [largest] = [...this.#projects].sort(([, a], [, b]) => b.bytes - a.bytes)
    if (largest === undefined) return
    const [project, { held }] = largest
    const [oldest] = held
    if (oldest === undefined) return
    this.#end(project, oldest)
    oldest.giveUp()
  }

  #end (project: string, held: Held): void {
    const of = this.#projects.get(project)
    if (of?.held.delete(held) !== true) return
    of.bytes -= held.bytes
    this.#bytes -= held.bytes
    if (of.held.size === 0) this.#projects.delete(project)
  }
}
