import type { SearchVectorStoreRequest, VectorStoreSearchResults } from '../../schemas/vector-stores.js'
import { parseFilter } from '../retrieval/filters.js'
import type { Scope } from '../shared/scope.js'
import { StoreBatches } from './batches.js'
import { StoreFiles, type StoreServices } from './files.js'
import { rewriteQuery } from './rewrite.js'
import { VectorStores } from './stores.js'

const DEFAULT_RESULTS = 10

/** The vector stores of one project. */
export class VectorStoreApi {
  readonly stores: VectorStores
  readonly files: StoreFiles
  readonly batches: StoreBatches
  readonly #scope: Scope
  readonly #services: StoreServices

  constructor (scope: Scope, services: StoreServices) {
    this.#scope = scope
    this.#services = services
    this.files = new StoreFiles(scope, services)
    this.stores = new VectorStores(scope, this.files, services.search, services.mostStores?.(scope.project))
    this.batches = new StoreBatches(scope, this.files)
  }

  /** Whether files of a name are indexed. */
  supports (filename: string): boolean {
    return this.#services.supports(filename)
  }

  /** API reference, "Search vector store". There are at most 50 results, on one page. */
  async search (storeId: string, request: SearchVectorStoreRequest, signal: AbortSignal): Promise<VectorStoreSearchResults> {
    const filter = request.filters == null ? undefined : parseFilter(request.filters)
    await this.stores.requireUsable(storeId)
    const asked = [request.query].flat()
    const texts = request.rewrite_query === true ? asked.map(rewriteQuery) : asked
    const found = await this.#services.search.search([{ project: this.#scope.project, storeId }], {
      texts, filter, limit: request.max_num_results ?? DEFAULT_RESULTS, threshold: request.ranking_options?.score_threshold, rerank: request.ranking_options?.ranker !== 'none'
    }, signal)
    return {
      object: 'vector_store.search_results.page',
      search_query: texts,
      data: found.map(({ fileId, filename, score, attributes, text }) => ({ file_id: fileId, filename, score, attributes, content: [{ type: 'text', text }] })),
      has_more: false,
      next_page: null
    }
  }
}
