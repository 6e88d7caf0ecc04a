import type { BlobStore } from './blob-store.js'
import { hasStorageScheme, openStorageUrl } from './open.js'
import { FolderBlobStore } from './folder/blobs.js'
import { S3BlobStore } from './s3/blobs.js'

/**
 * The blob store that a URL names, not connected yet: `file:./folder`, `s3://bucket/prefix` (with `?region=` and
 * `?endpoint=`; the credentials are those of the machine's AWS configuration), or the URL of a storage, for the blob store that goes
 * with it. Throws a `TypeError` for any other.
 */
export function openBlobUrl (url: string): BlobStore {
  if (url.startsWith('file:')) {
    const path = url.slice('file:'.length).replace(/^\/\/(?=\/)/, '')
    if (path === '') throw new TypeError('The blobs URL names no folder: write file:./folder.')
    return new FolderBlobStore({ path })
  }
  if (url.startsWith('s3:') && URL.canParse(url)) {
    const { hostname, pathname, searchParams } = new URL(url)
    if (hostname === '') throw new TypeError('The blobs URL names no bucket: write s3://bucket.')
    const prefix = decodeURIComponent(pathname).replace(/^\//, '')
    const region = searchParams.get('region')
    const endpoint = searchParams.get('endpoint')
    return new S3BlobStore({
      bucket: hostname,
      prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
      ...region === null ? {} : { region },
      ...endpoint === null ? {} : { endpoint }
    })
  }
  if (hasStorageScheme(url)) {
    const { records } = openStorageUrl(url)
    if (records.blobs !== undefined) return records.blobs()
  }
  // The URL may contain a password, so the message does not repeat it.
  throw new TypeError('The blobs URL must be file:./folder, s3://bucket or the URL of a storage.')
}
