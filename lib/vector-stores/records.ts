import type { FileCounts, VectorStore, VectorStoreFile, VectorStoreFileBatch } from '../../schemas/vector-stores.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { PartitionKey, RecordKey, RecordStore, WriteItem } from '../../storage/record-store.js'
import type { Attributes } from '../retrieval/filters.js'
import type { StoreRef } from '../retrieval/index/contract.js'

/** A vector store as it is kept: its status follows from its counts and the time. */
export type StoreBody = Omit<VectorStore, 'status'>

export const isExpired = (body: StoreBody, now: number): boolean => body.expires_at !== null && body.expires_at <= now

/** A file in a vector store, and what goes with it. */
export interface FileBody {
  file: VectorStoreFile
  /** As it was called when it was attached. */
  filename: string
  /** The batch it came with. */
  batchId: string | null
  /** What was last made of the file, once something was: the parent of its chunks. */
  generation: string | null
  /** The entry under which searches know it; null while they do not. */
  entryId: string | null
  /** Of who has put it in and may yet take it back (`PendingStores`). Absent once anybody else relies on it. */
  token?: string
}

/** A batch as it is kept: its status follows from its counts and the wish to cancel it. */
export interface BatchBody {
  batch: Omit<VectorStoreFileBatch, 'status'>
  cancelled: boolean
}

/**
 * Something to do in a store. Whoever does it holds it until `expiresAt`, and renews that; then it is anybody's again.
 *
 * - `index`: a file that is in progress, id = file id.
 * - `purge`: chunks that nobody needs any more, id = generation.
 */
export interface JobBody {
  type: 'index' | 'purge'
  owner: string | null
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** How often somebody has begun. */
  attempts: number
  /** Of an `index` job under way: what its chunks are written under. */
  generation: string | null
}

/** A file became searchable, or what searches must know of it changed. */
export interface EntryBody {
  fileId: string
  generation: string
  attributes: Attributes
  /** What the vectors were made with; null when there are none. */
  model: string | null
}

export interface ChunkBody {
  number: number
  text: string
  tokens: number
  start: number
  page?: number
  /** Float32, little-endian, in base64. */
  vector?: string
}

export interface ActiveStoreBody {
  project: string
  /** Milliseconds since the epoch: when something was last put into it. */
  at: number
}

export const partitionOf = ({ project, storeId }: StoreRef): PartitionKey => ({ project, partition: storeId })
export const recordKey = (store: StoreRef, kind: string, id: string): RecordKey => ({ ...partitionOf(store), kind, id })

export const putStore = (body: StoreBody, expect: number | 'absent'): WriteItem => ({ op: 'put', kind: KIND.vectorStore, id: body.id, body, expect })
export const putFile = (body: FileBody): WriteItem => ({ op: 'put', kind: KIND.vectorStoreFile, id: body.file.id, body })
export const putBatch = (body: BatchBody): WriteItem => ({ op: 'put', kind: KIND.vectorStoreBatch, id: body.batch.id, body })
export const putEntry = (id: string, body: EntryBody): WriteItem => ({ op: 'put', kind: KIND.vectorStoreEntry, id, body, expect: 'absent' })
export const removeRecord = (kind: string, id: string): WriteItem => ({ op: 'delete', kind, id })

const FRESH = { owner: null, expiresAt: 0, attempts: 0, generation: null }
export const indexJob = (fileId: string): WriteItem => ({ op: 'put', kind: KIND.vectorStoreJob, id: fileId, body: { type: 'index', ...FRESH } satisfies JobBody })
export const purgeJob = (generation: string): WriteItem => ({ op: 'put', kind: KIND.vectorStoreJob, id: generation, body: { type: 'purge', ...FRESH } satisfies JobBody })

export const chunkId = (generation: string, number: number): string => `${generation}/${number}`
export const putChunk = (generation: string, body: ChunkBody): WriteItem =>
  ({ op: 'put', kind: KIND.vectorStoreChunk, id: chunkId(generation, body.number), parent: generation, body })

export function encodeVector (vector: readonly number[]): string {
  return Buffer.from(Float32Array.from(vector).buffer).toString('base64')
}

export function decodeVector (encoded: string): Float32Array {
  const bytes = Buffer.from(encoded, 'base64')
  // A copy: a buffer's own place in memory may not be one where a float can stand.
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

export const NO_FILES: FileCounts = { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 }

/** Counts after a file went from one state to another; `undefined` is outside. */
export function recount (counts: FileCounts, from: VectorStoreFile['status'] | undefined, to: VectorStoreFile['status'] | undefined): FileCounts {
  const next = { ...counts }
  if (from !== undefined) next[from]--
  if (to !== undefined) next[to]++
  next.total = next.in_progress + next.completed + next.failed + next.cancelled
  return next
}

/** Says that there is something to do in a store. Written before the jobs are, so that no job is missed. */
export async function activate (records: RecordStore, store: StoreRef, now: number): Promise<void> {
  const body: ActiveStoreBody = { project: store.project, at: now }
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores }, [{ op: 'put', kind: KIND.activeVectorStore, id: store.storeId, body }])
}

const useId = (fileId: string, storeId: string): string => `${fileId} ${storeId}`

/** Enters that a store uses these files. Written before they are in it. */
export async function enterUses (records: RecordStore, { project, storeId }: StoreRef, fileIds: readonly string[]): Promise<void> {
  await records.write({ project, partition: PARTITION.fileUses },
    [...new Set(fileIds)].map(fileId => ({ op: 'put', kind: KIND.fileUse, id: useId(fileId, storeId), parent: fileId, body: { store_id: storeId } })))
}

/** The store uses these files no more. Written after they are out of it. */
export async function endUses (records: RecordStore, { project, storeId }: StoreRef, fileIds: readonly string[]): Promise<void> {
  if (fileIds.length === 0) return
  await records.write({ project, partition: PARTITION.fileUses }, [...new Set(fileIds)].map(fileId => removeRecord(KIND.fileUse, useId(fileId, storeId))))
}
