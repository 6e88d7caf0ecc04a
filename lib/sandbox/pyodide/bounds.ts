import type { EmscriptenFiles } from './pyodide-module.js'

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
  const expand = MEMFS.expandFileStorage
  const sizes = new Set<{ node: WeakRef<object>, bytes: number }>()
  const known = new WeakMap<object, { node: WeakRef<object>, bytes: number }>()
  let used = 0
  MEMFS.expandFileStorage = (node, capacity) => {
    const before = known.get(node)
    if (used - (before?.bytes ?? 0) + capacity > bytes) throw new FS.ErrnoError(ENOSPC)
    expand.call(MEMFS, node, capacity)
    const now = node.contents instanceof Uint8Array ? node.contents.length : 0
    used += now - (before?.bytes ?? 0)
    if (before !== undefined) before.bytes = now
    else {
      const size = { node: new WeakRef(node), bytes: now }
      known.set(node, size)
      sizes.add(size)
      removed.register(node, size)
    }
  }
  /** A file that is deleted is a node that is collected. */
  const removed = new FinalizationRegistry<{ node: WeakRef<object>, bytes: number }>(size => {
    used -= size.bytes
    sizes.delete(size)
  })
}
