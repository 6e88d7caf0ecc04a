import type { StepToolCall } from '../../../schemas/run-steps.js'
import type { VectorStore } from '../../../schemas/vector-stores.js'
import { countTexts } from '../../models/token-counts.js'
import type { Clock } from '../../shared/clock.js'
import { settlesWithin } from '../../shared/timers.js'
import type { FoundChunk, StoreSearch } from '../../vector-stores/search.js'

export type FileSearchCall = StepToolCall & { type: 'file_search' }

/** What the model reads of a result, beside its file's name. */
export interface ResultText {
  text: string
  /** Of a page or slide, from 1. */
  page?: number
}

export interface FoundResult {
  result: FileSearchCall['file_search']['results'][number]
  text: ResultText
}

export interface FileQuery {
  query: string
  /** All vector stores to search. Deleted and expired ones count as empty. */
  storeIds: readonly string[]
  /** Those whose files are waited for while they are being indexed. */
  waitFor: readonly string[]
  limit: number
  /** Results below it are left out, 0 to 1. */
  threshold: number
}

export interface FileSearcherServices {
  clock: Clock
  search: StoreSearch
  /** The vector stores of one project. */
  stores (project: string): { find (id: string): Promise<VectorStore | undefined> }
  /** Resolves when this instance has indexed some file. */
  settled (): Promise<void>
}

/** Tokens that the results of one search may have together (API reference, "File search"). */
const MAX_TOKENS = 16_000
/** How long a search waits for files to be indexed, and how often it looks for those that another instance indexes. */
const WAIT_MS = 60_000
const LOOK_MS = 250

/** Searches several vector stores of a project as one. */
export class FileSearcher {
  readonly #services: FileSearcherServices

  constructor (services: FileSearcherServices) {
    this.#services = services
  }

  /** The best results of all stores together, best first. Throws what fails in the stores, and the signal's reason. */
  async search (project: string, { query, storeIds, waitFor, limit, threshold }: FileQuery, signal: AbortSignal): Promise<FoundResult[]> {
    await this.#waitForFiles(project, waitFor, signal)
    const stores = await Promise.all(storeIds.map(async id => await this.#services.stores(project).find(id)))
    const refs = stores.flatMap(store => store === undefined || store.status === 'expired' ? [] : [{ project, storeId: store.id }])
    const results = await withinTokens(project, await this.#services.search.search(refs, { texts: [query], limit, threshold }, signal))
    return results.map(({ fileId, filename, score, attributes, text, page }) => ({
      result: { file_id: fileId, file_name: filename, score, attributes },
      text: { text, ...page === undefined ? {} : { page } }
    }))
  }

  async #waitForFiles (project: string, storeIds: readonly string[], signal: AbortSignal): Promise<void> {
    const { clock, stores, settled } = this.#services
    const until = clock.now() + WAIT_MS
    for (;;) {
      // Asked for before the look, so that nothing is missed in between.
      const indexed = settled()
      const found = await Promise.all(storeIds.map(async id => await stores(project).find(id)))
      signal.throwIfAborted()
      if (!found.some(store => store?.status === 'in_progress') || clock.now() >= until) return
      await settlesWithin(clock, LOOK_MS, indexed, signal)
    }
  }
}

/** As many of the results as the model is to read, the best at least. */
async function withinTokens (project: string, results: readonly FoundChunk[]): Promise<FoundChunk[]> {
  const counts = await countTexts(results.map(({ text }) => text), { project, atMost: MAX_TOKENS })
  let tokens = 0
  return results.filter((_result, i) => i === 0 || (tokens += counts[i] ?? Infinity) + (counts[0] ?? 0) <= MAX_TOKENS)
}
