import { unzipSync, zipSync } from 'fflate'
import { unreadable } from './document.js'

/** Entries of an archive: more than any document has. */
const MAX_ENTRIES = 20_000

/** The names in an archive. Throws a `DocumentError` when the bytes are not an archive. */
export function listZip (bytes: Uint8Array): string[] {
  const names: string[] = []
  unpack(bytes, name => {
    names.push(name)
    return false
  }, 0)
  return names
}

/**
 * The entries whose name is wanted, unpacked. What an entry says of its size bounds what it is unpacked to (`fflate` fills a buffer of
 * that size and no more), and the sum of them is bounded here: a zip bomb is refused before it is unpacked.
 */
export function readZip (bytes: Uint8Array, wanted: (name: string) => boolean, maxUnpackedBytes: number): Record<string, Uint8Array> {
  return unpack(bytes, wanted, maxUnpackedBytes)
}

/** Entries as an archive again, not compressed, for libraries that want one. */
export function packZip (entries: Record<string, Uint8Array>): Uint8Array {
  return zipSync(entries, { level: 0 })
}

function unpack (bytes: Uint8Array, wanted: (name: string) => boolean, maxUnpackedBytes: number): Record<string, Uint8Array> {
  let entries = 0
  let total = 0
  let tooLarge = false
  let unpacked: Record<string, Uint8Array>
  try {
    unpacked = unzipSync(bytes, {
      filter ({ name, originalSize }) {
        entries++
        const isWanted = wanted(name)
        if (isWanted) total += originalSize
        tooLarge ||= entries > MAX_ENTRIES || total > maxUnpackedBytes
        // An archive may say that it has billions of entries.
        if (tooLarge) throw unreadable('it is too large')
        return isWanted
      }
    })
  } catch (cause) {
    throw tooLarge ? unreadable('it is too large', cause) : unreadable(undefined, cause)
  }
  return unpacked
}
