import { unreadable } from '../document.js'

const HEADER = 512
/** Sectors of the table of sectors that the header names itself. */
const NAMED = 109
const ENTRY = 128
const STORAGE = 1
const ROOT = 5

/**
 * Throws a `DocumentError` for a compound file (OLE) whose chains of sectors, or whose folders, lead back to themselves: what reads messages follows them
 * without end.
 */
export function requireChains (bytes: Uint8Array): void {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (file.length < HEADER) throw unreadable()
  const size = 2 ** file.readUInt16LE(30)
  if (size !== 512 && size !== 4096) throw unreadable()
  const count = Math.floor(file.length / size)
  const word = (sector: number, index: number): number => {
    const at = (sector + 1) * size + 4 * index
    return at + 4 <= file.length ? file.readUInt32LE(at) : count
  }
  const perSector = size / 4
  const tables: number[] = Array.from({ length: NAMED }, (_, i) => file.readUInt32LE(76 + 4 * i))
  for (let more = file.readUInt32LE(68), i = 0; more < count; more = word(more, perSector - 1), i++) {
    if (i > count) throw circular()
    for (let k = 0; k < perSector - 1; k++) tables.push(word(more, k))
  }
  const next = (sector: number): number => {
    const table = tables[Math.floor(sector / perSector)]
    return table === undefined || table >= count ? count : word(table, sector % perSector)
  }
  requireEnds(count, next)
  const small = chain(file.readUInt32LE(60), count, next)
  requireEnds(small.length * perSector, sector => word(small[Math.floor(sector / perSector)]!, sector % perSector))
  requireTree(file, chain(file.readUInt32LE(48), count, next).map(sector => (sector + 1) * size), size)
}

const circular = (): Error => unreadable('its parts lead back to themselves')

/** The sectors from one on. They are known to end. */
function chain (first: number, count: number, next: (sector: number) => number): number[] {
  const sectors: number[] = []
  for (let sector = first; sector < count; sector = next(sector)) sectors.push(sector)
  return sectors
}

/** Follows the chain of each of so many sectors, and each sector once. Marks of the format itself, such as the end of a chain, are beyond all sectors. */
function requireEnds (count: number, next: (sector: number) => number): void {
  const visits = new Uint32Array(count)
  for (let first = 0; first < count; first++) {
    for (let sector = first; sector < count && (visits[sector] === 0 || visits[sector] === first + 1); sector = next(sector)) {
      if (visits[sector] === first + 1) throw circular()
      visits[sector] = first + 1
    }
  }
}

/** In a tree each entry of the directory is below one other at the most. */
function requireTree (file: Buffer, sectors: readonly number[], size: number): void {
  const seen = new Set<number>()
  const entries = sectors.length * size / ENTRY
  for (const sector of sectors) {
    for (let at = sector; at + ENTRY <= Math.min(sector + size, file.length); at += ENTRY) {
      const type = file.readUInt8(at + 66)
      if (type === 0) continue
      for (const offset of type === STORAGE || type === ROOT ? [68, 72, 76] : [68, 72]) {
        const entry = file.readUInt32LE(at + offset)
        if (entry >= entries) continue
        if (entry === 0 || seen.has(entry)) throw circular()
        seen.add(entry)
      }
    }
  }
}
