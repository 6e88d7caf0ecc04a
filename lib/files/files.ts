import type { Readable } from 'node:stream'
import type { ListResponse } from '../../schemas/common.js'
import type { FileObject, FilePurpose, ListFilesQuery } from '../../schemas/files.js'
import type { BlobRange, BlobSource, BlobStore } from '../../storage/blobs.js'
import type { Scope } from '../scope.js'

/** What is known of a file beside its bytes. */
export interface NewFile {
  filename: string
  purpose: FilePurpose
  expires_after?: { anchor: 'created_at', seconds: number }
}

/** Bytes that are kept but belong to no file yet. */
export interface SpooledFile {
  /** The id that the file will have. */
  id: string
  bytes: number
}

/** Files of one project (API reference, "Files"). */
export class Files {
  constructor (_scope: Scope, _blobs: BlobStore) {}

  /** A file from bytes of our own or of a request. Nothing is left when the source fails. */
  create (_file: NewFile, _source: BlobSource): Promise<FileObject> { throw new Error('not built yet') }

  /** Throws the 404. */
  get (_id: string): Promise<FileObject> { throw new Error('not built yet') }

  /** Undefined when it does not exist, is another project's or has expired. */
  find (_id: string): Promise<FileObject | undefined> { throw new Error('not built yet') }

  list (_params: ListFilesQuery): Promise<ListResponse<FileObject>> { throw new Error('not built yet') }

  /** The bytes of a file. Throws the 404. */
  open (_id: string, _range?: BlobRange): Promise<Readable> { throw new Error('not built yet') }

  /** Throws the 404. Whoever uses the file finds it gone: see `find` and `lib/files/deletions.ts`. */
  delete (_id: string): Promise<void> { throw new Error('not built yet') }
}
