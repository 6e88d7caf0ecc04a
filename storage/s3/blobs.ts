import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import type { BlobKey } from '../blob-store.js'
import { loadDriver } from '../base/driver.js'
import { StorageUnavailableError } from '../record-store.js'
import { AbstractBlobStore, BlobGoneError, type FoundBlob } from '../base/abstract-blob-store.js'

export interface S3BlobStoreOptions {
  /** It must exist. Give it a lifecycle rule that aborts incomplete multipart uploads: they are what a killed process leaves. */
  bucket: string
  /** Stands before every object's name. Default none. */
  prefix?: string
  /** Default: as the AWS configuration of the machine says; `us-east-1` with an `endpoint`. */
  region?: string
  /** Of a service other than AWS (MinIO, R2, Ceph, ...): its URL. Objects are then addressed by path, as such services want it. */
  endpoint?: string
  /** Default: as the AWS configuration of the machine says (environment, profile, role). */
  credentials?: { accessKeyId: string, secretAccessKey: string, sessionToken?: string }
  /** An `S3Client` of your own; it is not closed. */
  client?: S3ClientLike
}

/** What the store needs of an `S3Client`. Structural, so that the types of this package do not need the optional one. */
export interface S3ClientLike {
  send: (command: any, ...rest: any[]) => Promise<any>
  destroy: () => void
  readonly config: any
}

/** What S3 asks for at the least. A file may have 10,000 of them. */
const PART_BYTES = 5 * 1024 * 1024
/** What a put holds in memory is as many parts as are sent at once, and one more. */
const PARTS_AT_ONCE = 3

interface Driver {
  s3: typeof import('@aws-sdk/client-s3')
  Upload: typeof import('@aws-sdk/lib-storage').Upload
}

/** An object for each blob in S3 or what speaks like it. Needs the packages `@aws-sdk/client-s3` and `@aws-sdk/lib-storage`. */
export class S3BlobStore extends AbstractBlobStore {
  readonly #options: S3BlobStoreOptions
  #driver!: Driver
  #client: S3Client | undefined

  constructor (options: S3BlobStoreOptions) {
    super()
    if (!options.bucket) throw new TypeError('S3 blobs need a bucket.')
    this.#options = options
  }

  protected async open (): Promise<void> {
    this.#driver = {
      s3: await loadDriver('@aws-sdk/client-s3', async () => await import('@aws-sdk/client-s3')),
      Upload: (await loadDriver('@aws-sdk/lib-storage', async () => await import('@aws-sdk/lib-storage'))).Upload
    }
    this.#client = this.#options.client as S3Client | undefined ?? this.#ownClient()
    try {
      await this.#guard(async client => await client.send(new this.#driver.s3.HeadBucketCommand({ Bucket: this.#options.bucket })))
    } catch (error) {
      this.close()
      throw error
    }
  }

  protected close (): void {
    if (this.#options.client === undefined) this.#client?.destroy()
    this.#client = undefined
  }

  protected async write (key: BlobKey, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let failure: { reason: unknown } | undefined
    // Told apart from what S3 may answer.
    async function * watched (): AsyncGenerator<Uint8Array> {
      try {
        yield * chunks
      } catch (reason) {
        failure = { reason }
        throw reason
      }
    }
    try {
      // An object is there when its last part is; when anything fails, the parts are aborted.
      await this.#guard(async client => await new this.#driver.Upload({
        client,
        params: { ...this.#place(key), Body: Readable.from(watched(), { objectMode: false }), ContentType: 'application/octet-stream' },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE
      }).done())
    } catch (error) {
      throw failure === undefined ? error : failure.reason
    }
  }

  protected async find (key: BlobKey): Promise<FoundBlob | undefined> {
    const place = this.#place(key)
    const head = await this.#guard(async client => {
      return await client.send(new this.#driver.s3.HeadObjectCommand(place)).catch(ifStatus(404))
    })
    if (head === undefined) return undefined
    return { size: head.ContentLength ?? 0, read: (start, end) => this.#read(place, head.ETag, start, end) }
  }

  protected async remove (key: BlobKey): Promise<boolean> {
    const place = this.#place(key)
    // Deleting answers alike whether or not there was an object.
    if (await this.find(key) === undefined) return false
    await this.#guard(async client => await client.send(new this.#driver.s3.DeleteObjectCommand(place)))
    return true
  }

  async * #read (place: { Bucket: string, Key: string }, etag: string | undefined, start: number, end: number): AsyncGenerator<Uint8Array> {
    const answer = await this.#guard(async client => {
      const command = new this.#driver.s3.GetObjectCommand({ ...place, Range: `bytes=${start}-${end - 1}`, IfMatch: etag })
      return await client.send(command).catch(ifStatus(404, 412))
    })
    if (answer === undefined) throw new BlobGoneError()
    yield * answer.Body as Readable
  }

  #ownClient (): S3Client {
    const { region, endpoint, credentials } = this.#options
    const config: S3ClientConfig = {
      // Other services do not know the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Services other than AWS do not care for the region, but it is a part of every signature.
      ...endpoint === undefined ? {} : { endpoint, forcePathStyle: true, region: 'us-east-1' },
      ...region === undefined ? {} : { region },
      ...credentials === undefined ? {} : { credentials }
    }
    return new this.#driver.s3.S3Client(config)
  }

  #place ({ project, id }: BlobKey): { Bucket: string, Key: string } {
    const { bucket, prefix = '' } = this.#options
    return { Bucket: bucket, Key: `${prefix}${encode(project)}/${encode(id)}` }
  }

  async #guard<T> (command: (client: S3Client) => Promise<T>): Promise<T> {
    try {
      return await command(this.#client!)
    } catch (error) {
      const { name, message } = error as Error
      throw new StorageUnavailableError(`S3 bucket ${this.#options.bucket} failed: ${name === message ? name : `${name}: ${message}`}`, { cause: error })
    }
  }
}

/** No slash, no name that a URL would read as a way up, and two of them fit the 1,024 bytes that S3 allows. */
function encode (text: string): string {
  const name = encodeURIComponent(text).replaceAll('.', '%2E')
  return name.length <= 400 ? name : `sha256=${createHash('sha256').update(text).digest('hex')}`
}

const ifStatus = (...statuses: number[]) => (error: Error & { $metadata?: { httpStatusCode?: number } }): undefined => {
  if (!statuses.includes(error.$metadata?.httpStatusCode ?? 0)) throw error
}
