import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import multipart, { type Multipart, type MultipartFile } from '@fastify/multipart'
import { ApiError, badRequest } from '../lib/shared/errors.js'

/** The fields of a form; `expires_after[seconds]` and `expires_after.seconds` are `{ expires_after: { seconds } }`. */
export type FormFields = Record<string, unknown>

/** How one form is read. */
export interface FormReader<T> {
  /** The name of the one file in it. */
  fileField: string
  /** Receives the file in its place in the form, before or after the fields. */
  take (file: { filename: string | undefined, bytes: Readable, fields: FormFields }): Promise<T>
  /** Undoes `take`, because the rest of the form is invalid. */
  drop (taken: T): Promise<void>
}

/** `take` limits the file's size. */
const LIMITS = { files: 1, fields: 32, parts: 33, fieldSize: 16 * 1024, fileSize: Infinity }

/** Accepts forms in this Fastify context only. */
export async function parseForms (app: FastifyInstance): Promise<void> {
  if (!app.hasRequestDecorator('parts')) {
    await app.register(multipart)
    return
  }
  // The host has registered the parser, which cannot be registered twice. Within our context a form stays unread until `readForm` is
  // called, regardless of the host's options (`attachFieldsToBody` would hold whole files in memory).
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => { done(null) })
}

function isForm (request: FastifyRequest): boolean {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) return false
  // The host's parser would have set this mark.
  const mark = Object.getOwnPropertySymbols(request).find(symbol => symbol.description === 'multipart')
  if (mark !== undefined) (request as unknown as Record<symbol, boolean>)[mark] = true
  return request.isMultipart()
}

/** Reads a form whose fields come in any order and whose file is streamed. */
export async function readForm<T> (request: FastifyRequest, { fileField, take, drop }: FormReader<T>): Promise<{ taken: T, fields: FormFields }> {
  if (!isForm(request)) throw badRequest('The body must be multipart/form-data.')
  const fields: FormFields = {}
  const options = {
    throwFileSizeLimit: false,
    limits: LIMITS,
    isPartAFile: (name?: string, _type?: string, filename?: string) => name === fileField || filename !== undefined
  }
  let taken: { value: T } | undefined
  try {
    for await (const part of request.parts(options)) {
      if (!isFile(part)) {
        setField(fields, part.fieldname, part.value)
        continue
      }
      if (part.fieldname !== fileField) {
        throw badRequest(`Unknown parameter: '${part.fieldname}'.`, { param: part.fieldname, code: 'unknown_parameter' })
      }
      taken = { value: await take({ filename: part.filename, bytes: part.file, fields }) }
    }
    if (taken === undefined) {
      throw badRequest(`Missing required parameter: '${fileField}'.`, { param: fileField, code: 'missing_required_parameter' })
    }
    return { taken: taken.value, fields }
  } catch (error) {
    if (taken !== undefined) await drop(taken.value)
    // The rest of the body is read and discarded, because clients read the response only after they have sent the request.
    request.raw.unpipe()
    request.raw.resume()
    throw formError(error)
  }
}

function isFile (part: Multipart): part is MultipartFile {
  return part.type === 'file'
}

function setField (fields: FormFields, name: string, value: unknown): void {
  const [, outer, bracketed, dotted] = /^(\w+)(?:\[(\w+)\]|\.(\w+))$/.exec(name) ?? []
  const inner = bracketed ?? dotted
  if (outer === undefined || inner === undefined) {
    fields[name] = value
    return
  }
  const object = Object.hasOwn(fields, outer) && typeof fields[outer] === 'object' ? fields[outer] as FormFields : {}
  object[inner] = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  fields[outer] = object
}

function formError (error: unknown): unknown {
  if (error instanceof ApiError) return error
  const { code, statusCode, message } = error as Error & { code?: string, statusCode?: number }
  if (code === 'FST_FILES_LIMIT') return badRequest('The form may have one file.')
  // The client has closed the connection: not a failure of the server.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return badRequest('The request ended early.', { cause: error })
  // The parser's errors for a truncated or malformed form carry no status.
  const malformed = statusCode === 400 || code?.startsWith('FST_') || /multipart|boundary|part terminated|malformed/i.test(message)
  return malformed ? badRequest(`The form could not be read: ${message}.`, { cause: error }) : error
}
