import type { PartitionKey, WriteItem } from '../record-store.js'

/** An item of a batch, checked and serialised. Versions: 0 stands for "does not exist". */
export type PreparedItem =
  | { op: 'put', kind: string, id: string, parent: string, json: string, expect: number | undefined, position: number | undefined }
  | { op: 'delete' | 'check', kind: string, id: string, expect: number | undefined }
  | { op: 'clear' }

export type PreparedPut = Extract<PreparedItem, { op: 'put' }>

/** Of UTF-8, in each part of a key. */
export const MAX_KEY_BYTES = 512
/** Half of the safe integers: the automatic positions that follow never run out. */
const MAX_EXPLICIT_POSITION = 2 ** 52
// PostgreSQL refuses U+0000 in text and UTF-8 has no lone surrogates.
const NOT_STORABLE = /[\0\p{Cs}]/u

/** Whether a part of a key (or of a notification) can be represented by every backend. */
export function isText (text: string, maxBytes: number): boolean {
  // A UTF-16 unit takes at most three bytes: short strings need no counting.
  return (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) && !NOT_STORABLE.test(text)
}

/** Whether a record may exist at this address; see `PartitionKey`. */
export function isStorable (project: string, partition: string, kind: string, idOrParent: string): boolean {
  return partition !== '' && kind !== '' && isText(project, MAX_KEY_BYTES) && isText(partition, MAX_KEY_BYTES) &&
    isText(kind, MAX_KEY_BYTES) && isText(idOrParent, MAX_KEY_BYTES)
}

/**
 * Checks and serialises a batch, so that backends meet only what they can carry out. Undefined when an expectation
 * on a record that cannot exist already decides that the batch is lost.
 */
export function prepareBatch (key: PartitionKey, items: readonly WriteItem[]): PreparedItem[] | undefined {
  const named = new Set<string>()
  const batch: PreparedItem[] = []
  for (const item of items) {
    if (item.op === 'clear') {
      batch.push({ op: 'clear' })
      continue
    }
    const { op, kind, id } = item
    // A store may take what it does not know for something else.
    if (op !== 'put' && op !== 'delete' && op !== 'check') throw new TypeError(`op must be put, delete, check or clear, got ${String(op)}.`)
    const name = `${kind}\0${id}`
    if (named.has(name)) throw new TypeError(`A batch names a record at most once, but names ${kind} ${id} twice.`)
    named.add(name)

    const expect = item.expect === 'absent' ? 0 : item.expect
    if (item.expect !== 'absent' && expect !== undefined) requirePositive('expect', expect, Number.MAX_SAFE_INTEGER)
    const storable = id !== '' && isStorable(key.project, key.partition, kind, id)
    if (op === 'put') {
      const parent = item.parent ?? ''
      if (!storable || !isText(parent, MAX_KEY_BYTES)) {
        throw new TypeError(`Not a key that can be stored: ${JSON.stringify([key.project, key.partition, kind, id, parent]).slice(0, 200)}.`)
      }
      if (item.position !== undefined) requirePositive('position', item.position, MAX_EXPLICIT_POSITION)
      batch.push({ op, kind, id, parent, json: serialize(item.body), expect, position: item.position })
    } else if (storable) {
      batch.push({ op, kind, id, expect })
    } else if (expect !== undefined && expect !== 0) {
      return undefined
    }
  }
  return batch
}

function serialize (body: unknown): string {
  const json: string | undefined = JSON.stringify(body)
  if (json === undefined) throw new TypeError('A record body must be a JSON value.')
  return json
}

function requirePositive (name: string, value: number, maximum: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > maximum) {
    throw new TypeError(`${name} must be an integer from 1 to ${maximum}, got ${value}.`)
  }
}

/** One partition, as seen by `applyBatch`. */
export interface BatchTarget {
  /** The version of a record; 0 when it does not exist. */
  version (kind: string, id: string): number
  /** The highest position ever given out in this partition, 0 when it is new. */
  highestPosition (): number
  saveHighestPosition (position: number): void
  insert (item: PreparedPut, position: number): void
  /** Replaces the body and adds 1 to the version. */
  replace (item: PreparedPut): void
  remove (kind: string, id: string): void
  /** Removes all records and the highest position. */
  clear (): void
}

/**
 * The meaning of a batch, for backends that can run it synchronously. False, with nothing changed, when an
 * expectation fails.
 */
export function applyBatch (target: BatchTarget, batch: readonly PreparedItem[]): boolean {
  for (const item of batch) {
    if (item.op !== 'clear' && item.expect !== undefined && target.version(item.kind, item.id) !== item.expect) return false
  }

  let highest: number | undefined
  for (const item of batch) {
    if (item.op === 'clear') {
      target.clear()
      highest = undefined
    } else if (item.op === 'delete') {
      target.remove(item.kind, item.id)
    } else if (item.op === 'put') {
      if (target.version(item.kind, item.id) > 0) {
        target.replace(item)
      } else {
        highest ??= target.highestPosition()
        const position = item.position ?? highest + 1
        highest = Math.max(highest, position)
        target.insert(item, position)
      }
    }
  }
  if (highest !== undefined) target.saveHighestPosition(highest)
  return true
}
