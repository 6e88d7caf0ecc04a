import { StorageUnavailableError } from '../record-store.js'

/**
 * The error of a server that finds what a newer version of it has stored: it would misread it, or write what the newer one misreads.
 *
 * @param what is stored there: begins the sentence.
 * @param instead what may be chosen instead: ends it.
 */
export function newerVersion (what: string, found: number, known: number, instead: string): StorageUnavailableError {
  return new StorageUnavailableError(`${what} written by a newer version of fastify-openai-compat (schema ${found}, this one knows ${known}): upgrade the package, or choose ${instead}.`)
}
