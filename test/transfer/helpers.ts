import { Readable } from 'node:stream'
import type { Test } from 'tap'
import type { BlobStore } from '../../storage/blob-store.js'
import { openStorageUrl } from '../../storage/open.js'
import type { RecordStore } from '../../storage/record-store.js'
import { MemoryBlobStore } from '../../storage/memory/blobs.js'
import { exportLines, type Resume } from '../../lib/transfer/export.js'
import { importFrom, type ImportOptions, type ImportResult } from '../../lib/transfer/import.js'

export interface OpenStores {
  records: RecordStore
  blobs: BlobStore
}

export const NOW = 1_700_000_000_000

/** A store by its URL with its bytes, open until the test ends or `close` is called. */
export async function open (t: Test, url: string): Promise<OpenStores & { close: () => Promise<void> }> {
  const { records } = openStorageUrl(url)
  const blobs = records.blobs?.() ?? new MemoryBlobStore()
  const close = async (): Promise<void> => {
    await blobs.disconnect()
    await records.disconnect()
  }
  t.teardown(close)
  await records.connect()
  await blobs.connect()
  return { records, blobs, close }
}

/** The lines of an export, or of the rest of one. */
export async function exported (stores: OpenStores, resume?: Resume): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportLines(stores, NOW, resume)) lines.push(JSON.stringify(line))
  return lines
}

export async function imported (stores: OpenStores, lines: readonly (string | object)[], options: Partial<ImportOptions> = {}): Promise<ImportResult & { bad: string[] }> {
  const bad: string[] = []
  const text = lines.map(line => typeof line === 'string' ? line : JSON.stringify(line)).join('\n')
  const result = await importFrom(Readable.from([Buffer.from(text)]), stores, {
    now: () => NOW,
    onBadLine: (number, reason) => bad.push(`${number}: ${reason}`),
    ...options
  })
  return { ...result, bad }
}
