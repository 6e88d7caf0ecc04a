import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { S3BlobStoreOptions } from '../../storage/s3/blobs.js'

export interface StandInS3 {
  /** What a store needs to speak to it. */
  options: Pick<S3BlobStoreOptions, 'endpoint' | 'credentials'>
  /** By name. */
  objects: Map<string, Buffer>
  /** Multipart uploads that were neither completed nor aborted. */
  readonly unfinished: number
}

type Answer = { status: number, headers?: Record<string, string>, body?: string | Buffer }

/** A server that speaks the few verbs of S3 that the store uses, with one bucket, addressed by path. */
export async function startS3 (t: Test, bucket: string): Promise<StandInS3> {
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()

  async function answer (request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '', 'http://s3')
    const [, name, ...path] = url.pathname.split('/')
    const key = decodeURIComponent(path.join('/'))
    const uploadId = url.searchParams.get('uploadId') ?? ''
    const body = unchunked(await buffer(request), request)
    if (!(request.headers.authorization ?? '').startsWith('AWS4-HMAC-SHA256 ')) return error(403, 'AccessDenied')
    if (name !== bucket) return error(404, 'NoSuchBucket')

    switch (`${request.method} ${[...url.searchParams.keys()].filter(one => one !== 'x-id').sort().join()}`) {
      case 'HEAD ':
        return key === '' ? { status: 200 } : get(key, request)
      case 'GET ':
        return get(key, request)
      case 'PUT ':
        objects.set(key, body)
        return { status: 200, headers: { etag: etagOf(body) } }
      case 'DELETE ':
        objects.delete(key)
        return { status: 204 }
      case 'POST uploads': {
        const id = randomUUID()
        uploads.set(id, new Map())
        return xml(`<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
      }
      case 'PUT partNumber,uploadId': {
        const upload = uploads.get(uploadId)
        if (upload === undefined) return error(404, 'NoSuchUpload')
        upload.set(Number(url.searchParams.get('partNumber')), body)
        return { status: 200, headers: { etag: etagOf(body) } }
      }
      case 'POST uploadId': {
        const upload = uploads.get(uploadId)
        if (upload === undefined) return error(404, 'NoSuchUpload')
        const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(match => Number(match[1]))
        const parts = numbers.map(number => upload.get(number)!)
        // As the real service does: only the last part may be small.
        if (parts.slice(0, -1).some(part => part.length < 5 * 1024 * 1024)) return error(400, 'EntityTooSmall')
        const whole = Buffer.concat(parts)
        objects.set(key, whole)
        uploads.delete(uploadId)
        return xml(`<CompleteMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${key}</Key><ETag>${etagOf(whole)}</ETag></CompleteMultipartUploadResult>`)
      }
      case 'DELETE uploadId':
        uploads.delete(uploadId)
        return { status: 204 }
      default:
        return error(501, 'NotImplemented')
    }
  }

  function get (key: string, { headers }: IncomingMessage): Answer {
    const object = objects.get(key)
    if (object === undefined) return error(404, 'NoSuchKey')
    const etag = etagOf(object)
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag) return error(412, 'PreconditionFailed')
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    if (first === undefined) return { status: 200, headers: { etag }, body: object }
    return { status: 206, headers: { etag }, body: object.subarray(Number(first), Number(last) + 1) }
  }

  const server = createServer((request, response) => {
    answer(request).catch(() => error(500, 'InternalError')).then(reply => send(request, response, reply)).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return {
    options: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' }
    },
    objects,
    get unfinished () { return uploads.size }
  }
}

function send (request: IncomingMessage, response: ServerResponse, { status, headers = {}, body = '' }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

const etagOf = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`
const xml = (body: string): Answer => ({ status: 200, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0"?>${body}` })
const error = (status: number, code: string): Answer => ({ ...xml(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`), status })

/** A body that was sent in signed chunks, without their frames. */
function unchunked (body: Buffer, { headers }: IncomingMessage): Buffer {
  if (!headers['content-encoding']?.includes('aws-chunked')) return body
  const chunks: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = parseInt(body.subarray(at, lineEnd).toString(), 16)
    if (size === 0) break
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
  return Buffer.concat(chunks)
}
