import type { TransferStores } from './export.js'
import { Importer, type ImporterOptions } from './importer.js'
import { BadLineError } from './lines.js'
import { readObjects } from './read-objects.js'

export interface ImportOptions extends ImporterOptions {
  /** Whether the first bad line ends the import. */
  strict?: boolean
  /** The number of the first line, when an import comes in several parts. Default 1. */
  firstLine?: number
  /** A longer line is bad. Default: any length. */
  maxLineBytes?: number
  onBadLine?: (number: number, reason: string) => void
  /** Told after each object: bytes of input read so far. */
  onProgress?: (bytes: number) => void
}

export interface ImportResult {
  /** Records that were written, by kind. */
  written: Map<string, number>
  /** Records that were there already. */
  there: number
  badLines: number
}

/** Brings an export, or objects saved from the original API, into a store. What is there already stays as it is. */
export async function importFrom (input: AsyncIterable<Uint8Array>, stores: TransferStores, options: ImportOptions): Promise<ImportResult> {
  const { firstLine = 1, maxLineBytes } = options
  const importer = new Importer(stores, { ...options, place: firstLine - 1 })
  let badLines = 0
  try {
    for await (const { number, bytes, length, value, error } of readObjects(input, maxLineBytes)) {
      try {
        if (error !== undefined) throw error
        await importer.add(value, length)
      } catch (error) {
        if (!(error instanceof BadLineError)) throw error
        badLines++
        options.onBadLine?.(number + firstLine - 1, error.message)
        if (options.strict === true) break
      }
      options.onProgress?.(bytes)
    }
  } finally {
    // What came before a break in the input is whole, and stays.
    await importer.flush()
  }
  return { written: importer.written, there: importer.there, badLines }
}
