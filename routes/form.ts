import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import multipart, { type Multipart, type MultipartFile } from '@fastify/multipart'
import { ApiError, badRequest } from '../lib/shared/errors.js'

/** The fields of a form; `expires_after[seconds]` is `{ expires_after: { seconds } }`. */
export type FormFields = Record<string, unknown>

/** How one form is read. */
export interface FormReader<T> {
  /** The name of the one file in it. */
  fileField: string
  /** Takes the file as it comes, before or after the fields. */
  take (file: { filename: string | undefined, bytes: Readable, fields: FormFields }): Promise<T>
  /** Takes back what was taken, because the rest of the form is no good. */
  drop (taken: T): Promise<void>
}

/** The file's size is up to whoever takes it. */
const LIMITS = { files: 1, fields: 32, parts: 33, fieldSize: 16 * 1024, fileSize: Infinity }

/** Forms are understood where this is called, and nowhere else. */
export async function parseForms (app: FastifyInstance): Promise<void> {
  if (!app.hasRequestDecorator('parts')) {
    await app.register(multipart)
    return
  }
  // The host has the parser too, and it cannot be registered twice. Here a form stays unread until we ask for it, whatever
  // the host does with its own (`attachFieldsToBody` would hold whole files in memory).
  app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => { done(null) })
}

function isForm (request: FastifyRequest): boolean {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) return false
  // What the parser of the host would have noted.
  const mark = Object.getOwnPropertySymbols(request).find(symbol => symbol.description === 'multipart')
  if (mark !== undefined) (request as unknown as Record<symbol, boolean>)[mark] = true
  return request.isMultipart()
}

/** Reads a form whose fields come in any order and whose file streams by. */
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
    // What is still on its way is read and forgotten, so that the client comes to the point where it reads the answer.
    request.raw.unpipe()
    request.raw.resume()
    throw formError(error)
  }
}

function isFile (part: Multipart): part is MultipartFile {
  return part.type === 'file'
}

function setField (fields: FormFields, name: string, value: unknown): void {
  const [, outer, inner] = /^(\w+)\[(\w+)\]$/.exec(name) ?? []
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
  // Nobody is there to read the answer, and nothing is wrong with the server.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return badRequest('The request ended early.', { cause: error })
  // The parser's own words for a form that ends early or is none have no status.
  const malformed = statusCode === 400 || code?.startsWith('FST_') || /multipart|boundary|part terminated|malformed/i.test(message)
  return malformed ? badRequest(`The form could not be read: ${message}.`, { cause: error }) : error
}
