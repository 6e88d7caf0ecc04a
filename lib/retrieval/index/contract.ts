import type { AttributeFilter, Attributes } from '../filters.js'

/** A vector store, as an index knows it. */
export interface StoreRef {
  project: string
  storeId: string
}

/** What was made of a file once: a file that is indexed again has another generation. */
export interface IndexedFile {
  fileId: string
  generation: string
  attributes: Attributes
  /** What the vectors of its chunks were made with; null when they have none. */
  model: string | null
}

export interface IndexedChunk {
  /** From 0, within its file. */
  number: number
  text: string
  /** Of any length that is the same for all chunks of a model. */
  vector?: Float32Array
}

export interface IndexQuery {
  /** Searched for by its words. Empty: by the vector only. */
  text: string
  /** Searched for by closeness, among chunks whose vectors were made with the same model. */
  near?: { model: string, vector: Float32Array }
  filter?: AttributeFilter
  limit: number
}

export interface IndexHit {
  fileId: string
  generation: string
  /** Of the chunk. */
  number: number
  /** 0 to 1, best first. By words alone: how much of what the query could score at best; by vectors alone: the cosine; by both: reciprocal rank fusion, 1 when first in both. */
  score: number
}

/**
 * What searches the chunks of vector stores. An index is derived: the chunks are records, from which an index can be filled
 * again. It receives files in the order in which they became searchable, and keeps its position in that order (`cursor`), so that an
 * instance that was away, or is new, hears the rest before it searches.
 *
 * What a hit names may be gone meanwhile: who asks compares the generation with the file's record.
 */
export interface RetrievalIndex {
  /** The position up to which this index has the store's files; 0 when it has none. */
  cursor (store: StoreRef): Promise<number>

  /** Whether these chunks are known already, so that only the file's attributes need telling. */
  has (store: StoreRef, generation: string): Promise<boolean>

  /** Chunks of a file that is not searchable before `addFile`. Telling the same chunk again replaces it. */
  addChunks (store: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): Promise<void>

  /** From now on the file is searched, and any other generation of it is forgotten. */
  addFile (store: StoreRef, file: IndexedFile, cursor: number): Promise<void>

  removeFile (store: StoreRef, fileId: string): Promise<void>

  search (store: StoreRef, query: IndexQuery): Promise<IndexHit[]>

  /** Forgets a store. */
  drop (store: StoreRef): Promise<void>

  /** The stores that it has received files of and not dropped. */
  stores (): Promise<StoreRef[]>

  close (): Promise<void>
}
