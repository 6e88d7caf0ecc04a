import type { IndexedChunk, IndexedFile, IndexHit, IndexOpeningsQuery, IndexQuery, RetrievalIndex, StoreRef } from '../retrieval/index/contract.js'
import { FairQueue } from '../shared/fair-queue.js'

/**
 * An index that does only so much at a time, and for one project after the other: neither the searches of one project nor what it has to
 * index stand in line before those of another.
 */
export class FairIndex implements RetrievalIndex {
  readonly #index: RetrievalIndex
  readonly #queue: FairQueue

  constructor (index: RetrievalIndex, atOnce: number) {
    this.#index = index
    this.#queue = new FairQueue(atOnce)
  }

  async cursor (store: StoreRef): Promise<number> {
    return await this.#inTurn(store, async () => await this.#index.cursor(store))
  }

  async has (store: StoreRef, generation: string, chunks?: number): Promise<boolean> {
    return await this.#inTurn(store, async () => await this.#index.has(store, generation, chunks))
  }

  async addChunks (store: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): Promise<void> {
    await this.#inTurn(store, async () => await this.#index.addChunks(store, file, chunks))
  }

  async addFile (store: StoreRef, file: IndexedFile, cursor: number): Promise<void> {
    await this.#inTurn(store, async () => await this.#index.addFile(store, file, cursor))
  }

  async removeGeneration (store: StoreRef, generation: string): Promise<void> {
    await this.#inTurn(store, async () => await this.#index.removeGeneration(store, generation))
  }

  async removeFile (store: StoreRef, fileId: string): Promise<void> {
    await this.#inTurn(store, async () => await this.#index.removeFile(store, fileId))
  }

  async search (stores: readonly StoreRef[], query: IndexQuery): Promise<IndexHit[]> {
    return await this.#forAll(stores, async () => await this.#index.search(stores, query))
  }

  async openings (stores: readonly StoreRef[], query: IndexOpeningsQuery): Promise<IndexHit[]> {
    return await this.#forAll(stores, async () => await this.#index.openings(stores, query))
  }

  async drop (store: StoreRef): Promise<void> {
    await this.#inTurn(store, async () => await this.#index.drop(store))
  }

  async stores (): Promise<StoreRef[]> {
    return await this.#index.stores()
  }

  async close (): Promise<void> {
    await this.#index.close()
  }

  /** The stores of one project. */
  async #forAll (stores: readonly StoreRef[], work: () => Promise<IndexHit[]>): Promise<IndexHit[]> {
    const [store] = stores
    return store === undefined ? [] : await this.#inTurn(store, work)
  }

  async #inTurn<T> ({ project }: StoreRef, work: () => Promise<T>): Promise<T> {
    return await this.#queue.run(project, work)
  }
}
