import type { FileCounts, VectorStore, VectorStoreFile, VectorStoreFileBatch } from '../../schemas/vector-stores.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { PartitionKey, RecordKey, RecordStore, WriteItem } from '../../storage/record-store.js'
import type { Attributes } from '../retrieval/filters.js'
import type { StoreRef } from '../retrieval/index/contract.js'
import type { LeaseTerms } from '../shared/lease.js'

/** A vector store as it is stored. Its status is derived from its counts and the time. */
export type StoreBody = Omit<VectorStore, 'status'>

export const isExpired = (body: StoreBody, now: number): boolean => body.expires_at !== null && body.expires_at <= now

/** A file in a vector store, with what only the server needs to know about it. */
export interface FileBody {
  file: VectorStoreFile
  /** The file's name when it was attached. */
  filename: string
  /** The batch that it was attached with. */
  batchId: string | null
  /** The parent of the chunks that are searched; null before it was indexed. While it is indexed again, those of before. */
  generation: string | null
  /** The entry that makes it searchable; null while it is not. */
  entryId: string | null
  /** Of the `PendingStores` that attached it and may detach it again. Absent once it was attached otherwise. */
  token?: string
}

/** A batch as it is stored. Its status is derived from its counts and `cancelled`. */
export interface BatchBody {
  batch: Omit<VectorStoreFileBatch, 'status'>
  cancelled: boolean
}

/**
 * A job in a store, with the lease of the instance that does it.
 *
 * - `index`: index a file that is in progress; id = file id.
 * - `embed`: index a completed file again, with another embedding model; id = file id.
 * - `purge`: remove chunks that are no longer used; id = generation.
 */
export interface JobBody extends LeaseTerms {
  type: 'index' | 'embed' | 'purge'
  /** How many instances have begun. One that released the job is not counted. */
  attempts: number
  /** Of an `index` or `embed` job under way: the parent of its chunks. */
  generation: string | null
}

/** Written when a file becomes searchable, or when its attributes change. */
export interface EntryBody {
  fileId: string
  generation: string
  attributes: Attributes
  /** The model that computed the vectors; null when there are none. */
  model: string | null
  /** How many there are. Absent in entries of 0.1.0. */
  chunks?: number
}

export interface ChunkBody {
  number: number
  text: string
  tokens: number
  start: number
  page?: number
  /** Float32, little-endian, in base64. */
  vector?: string
  /** Of the last chunk of each write: the part of the file's text that it ends, 0 to 1. */
  progress?: number
}

export interface ActiveStoreBody {
  project: string
  /** When a job was last added, in milliseconds since the epoch. */
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
export const embedJob = (fileId: string): WriteItem => ({ op: 'put', kind: KIND.vectorStoreJob, id: fileId, body: { type: 'embed', ...FRESH } satisfies JobBody, expect: 'absent' })
export const purgeJob = (generation: string): WriteItem => ({ op: 'put', kind: KIND.vectorStoreJob, id: generation, body: { type: 'purge', ...FRESH } satisfies JobBody })

export const chunkId = (generation: string, number: number): string => `${generation}/${number}`
export const putChunk = (generation: string, body: ChunkBody): WriteItem =>
  ({ op: 'put', kind: KIND.vectorStoreChunk, id: chunkId(generation, body.number), parent: generation, body })

export function encodeVector (vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}

export function decodeVector (encoded: string): Float32Array {
  const bytes = Buffer.from(encoded, 'base64')
  // Copied, because the buffer's memory may not be aligned for floats.
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

export const NO_FILES: FileCounts = { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 }

/** The counts after a file has changed its status. `undefined` stands for a file that is not in the store. */
export function recount (counts: FileCounts, from: VectorStoreFile['status'] | undefined, to: VectorStoreFile['status'] | undefined): FileCounts {
  const next = { ...counts }
  if (from !== undefined) next[from]--
  if (to !== undefined) next[to]++
  next.total = next.in_progress + next.completed + next.failed + next.cancelled
  return next
}

/** Adds a store to the index of active stores. Must precede the write of its jobs, so that no job is missed. */
export async function activate (records: RecordStore, store: StoreRef, now: number): Promise<void> {
  const body: ActiveStoreBody = { project: store.project, at: now }
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.activeVectorStores }, [{ op: 'put', kind: KIND.activeVectorStore, id: store.storeId, body }])
}

const useId = (fileId: string, storeId: string): string => `${fileId} ${storeId}`

/** Records that a store uses these files. Must precede the write that attaches them. */
export async function enterUses (records: RecordStore, { project, storeId }: StoreRef, fileIds: readonly string[]): Promise<void> {
  await records.write({ project, partition: PARTITION.fileUses },
    [...new Set(fileIds)].map(fileId => ({ op: 'put', kind: KIND.fileUse, id: useId(fileId, storeId), parent: fileId, body: { store_id: storeId } })))
}

/** Removes the records of `enterUses`. Must follow the write that detaches the files. */
export async function endUses (records: RecordStore, { project, storeId }: StoreRef, fileIds: readonly string[]): Promise<void> {
  if (fileIds.length === 0) return
  await records.write({ project, partition: PARTITION.fileUses }, [...new Set(fileIds)].map(fileId => removeRecord(KIND.fileUse, useId(fileId, storeId))))
}

/** Ends the search of what the file had been indexed as before. */
export function replaced ({ entryId, generation }: FileBody): WriteItem[] {
  return [...entryId === null ? [] : [removeRecord(KIND.vectorStoreEntry, entryId)], ...generation === null ? [] : [purgeJob(generation)]]
}
