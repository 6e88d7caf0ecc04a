import type { AttributeFilter, Attributes } from '../filters.js'

/** A vector store, as an index knows it. */
export interface StoreRef {
  project: string
  storeId: string
}

/** What was made of a file once: a file that is indexed again has another generation. */
export interface IndexedFile {
  fileId: string
  /** The file's own, which is searched too. */
  name: string
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

export interface Near {
  model: string
  vector: Float32Array
  /** The cosine of texts that have nothing in common: the score is 0 there. Default 0. */
  floor?: number
}

export interface IndexQuery {
  /** Searched for by its words. Empty: by the vector only. */
  text: string
  /** Searched for by closeness, among chunks whose vectors were made with the same model. */
  near?: Near
  filter?: AttributeFilter
  limit: number
  /** Passages that score less are left out. Default 0. */
  threshold?: number
}

/** Passages that are asked for by their place, whatever is in them. */
export interface IndexOpeningsQuery {
  filter?: AttributeFilter
  limit: number
  /** Takes them from all over each document. Default: from its beginning. */
  spread?: boolean
}

export interface IndexHit {
  store: StoreRef
  fileId: string
  generation: string
  /** Of the chunk. */
  number: number
  /**
   * How relevant the passage is to the query, 0 to 1, on one scale whatever found it. By words: the part of what the query names that is in
   * the passage, rare words weighing more. By vectors: their closeness. The greater of the two. It does not order the hits.
   */
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

  /**
   * Whether the chunks of a generation are in the index, so that only `addFile` is needed.
   *
   * @param chunks how many there are, if known: all of them may be in the index before the file is complete
   */
  has (store: StoreRef, generation: string, chunks?: number): Promise<boolean>

  /** Chunks of a file that is not searchable before `addFile`. Telling the same chunk again replaces it. */
  addChunks (store: StoreRef, file: IndexedFile, chunks: readonly IndexedChunk[]): Promise<void>

  /** From now on the file is searched, and any other generation of it is forgotten. */
  addFile (store: StoreRef, file: IndexedFile, cursor: number): Promise<void>

  /** Removes the chunks of one generation, and leaves others of the file. */
  removeGeneration (store: StoreRef, generation: string): Promise<void>

  removeFile (store: StoreRef, fileId: string): Promise<void>

  /** Searches several stores of a project as one, best hit first: a word is as rare as it is in all of them together. */
  search (stores: readonly StoreRef[], query: IndexQuery): Promise<IndexHit[]>

  /** The first passages of each file, the newest files and the first stores first; all with score 0. With `spread`, in the order of the documents. */
  openings (stores: readonly StoreRef[], query: IndexOpeningsQuery): Promise<IndexHit[]>

  /** Forgets a store. */
  drop (store: StoreRef): Promise<void>

  /** The stores that it has received files of and not dropped. */
  stores (): Promise<StoreRef[]>

  close (): Promise<void>
}
