import type { EmscriptenFiles, FileNode } from './pyodide-module.js'

const PAGE_BYTES = 65_536
/** Emscripten's number for "no space left on device". */
const ENOSPC = 51

/** The part of `WebAssembly.Memory` that is used. */
interface Memory {
  buffer: ArrayBuffer
  grow (pages: number): number
}

/** Bounds the memory of all that is compiled from now on. Python sees a MemoryError. */
export function boundMemory (bytes: number): void {
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: Memory } } }).WebAssembly.Memory
  const { grow } = prototype
  Object.defineProperty(prototype, 'grow', {
    value (this: Memory, pages: number) {
      if (this.buffer.byteLength + pages * PAGE_BYTES > bytes) throw new RangeError('no more memory')
      return grow.call(this, pages)
    },
    writable: false,
    configurable: false
  })
}

/** Bounds what files take: they are in memory, but not in Python's. */
export function boundFiles (FS: EmscriptenFiles, bytes: number): void {
  const { MEMFS } = FS.filesystems
  const sizes = new WeakMap<FileNode, { bytes: number }>()
  let used = 0
  // A file that is deleted is a node that is collected.
  const deleted = new FinalizationRegistry<{ bytes: number }>(size => { used -= size.bytes })
  const within = <T>(node: FileNode, capacity: number, grow: () => T): T => {
    let size = sizes.get(node)
    if (size === undefined) {
      size = { bytes: 0 }
      sizes.set(node, size)
      deleted.register(node, size)
    }
    if (used + Math.max(0, capacity - size.bytes) > bytes) throw new FS.ErrnoError(ENOSPC)
    const result = grow()
    // The first write leaves a view of Python's own kind, later ones of another.
    const now = ArrayBuffer.isView(node.contents) ? node.contents.byteLength : 0
    used += now - size.bytes
    size.bytes = now
    return result
  }
  const { expandFileStorage } = MEMFS
  MEMFS.expandFileStorage = (node, capacity) => within(node, capacity, () => expandFileStorage.call(MEMFS, node, capacity))
  // The first write of a file takes its bytes as they are, past `expandFileStorage`.
  const operations = MEMFS.ops_table.file.stream
  const { write } = operations
  operations.write = (stream, buffer, offset, length, position, canOwn) =>
    within(stream.node, position + length, () => write.call(operations, stream, buffer, offset, length, position, canOwn))
}
