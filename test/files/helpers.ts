import { request as httpRequest, type ClientRequest } from 'node:http'
import type { Test } from 'tap'
import type { OpenAICompatOptions } from '../../lib/options/options.js'
import { MemoryBlobStore, type MemoryBlobs } from '../../storage/memory/blobs.js'
import { DEFAULT_PROJECT, KIND, PARTITION } from '../../storage/layout.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import { startServer, type Answer, type TestServer } from '../helpers/server.js'

export interface FileServer {
  server: TestServer
  /** What is really kept, by project and id. */
  blobs: MemoryBlobs
  records: MemoryRecordStore
  /** How many tasks the sweep has before it. */
  dues (): Promise<number>
  /** A form; a `Blob` is a file. */
  post (path: string, fields: [name: string, value: string | Blob, filename?: string][]): Promise<Answer>
  upload (content: string | Buffer, filename?: string, purpose?: string): Promise<any>
}

export async function startFileServer (t: Test, options: OpenAICompatOptions & { mayLogErrors?: boolean } = {}): Promise<FileServer> {
  const blobs: MemoryBlobs = new Map()
  const records = new MemoryRecordStore()
  const server = await startServer(t, { storage: records, blobs: new MemoryBlobStore(blobs), ...options })

  async function post (path: string, fields: [string, string | Blob, string?][]): Promise<Answer> {
    const form = new FormData()
    for (const [name, value, filename] of fields) {
      if (typeof value === 'string') form.append(name, value)
      else form.append(name, value, filename)
    }
    const response = await fetch(server.baseURL + path, { method: 'POST', body: form })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }

  return {
    server,
    blobs,
    records,
    post,
    async dues () {
      const page = await records.page({ project: DEFAULT_PROJECT, partition: PARTITION.files, kind: KIND.scheduledTask, order: 'asc', limit: 1000 })
      return page.records.length
    },
    async upload (content, filename = 'notes.txt', purpose = 'assistants') {
      const { status, body } = await post('/files', [['file', new Blob([content]), filename], ['purpose', purpose]])
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
      return body
    }
  }
}

/** A form exactly as written, lines of its head and all. */
export async function postRaw ({ server }: FileServer, path: string, body: string | Buffer): Promise<Answer> {
  const response = await fetch(server.baseURL + path, { method: 'POST', body, headers: { 'content-type': 'multipart/form-data; boundary=X' } })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** The beginning of an upload whose end is up to the test. */
export function beginUpload ({ server }: FileServer, path: string, field: string): ClientRequest {
  const request = httpRequest(server.baseURL + path, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=X' } })
  request.on('error', () => {})
  request.write(`--X\r\ncontent-disposition: form-data; name="${field}"; filename="a.txt"\r\n\r\n`)
  return request
}

/** Resolves once it is so. */
export async function until (holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise(resolve => setImmediate(resolve))
}
