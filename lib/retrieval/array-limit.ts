/** Arrays smaller than this are not worth a look. */
const LARGE = 1024 * 1024

/**
 * Bounds what this thread holds in typed arrays. A worker's `resourceLimits` know the heap only; a compressed stream that unpacks to
 * gigabytes grows outside of it. From here on a large `Uint8Array` beyond the bound throws a `RangeError` instead.
 */
export function limitArrayBytes (maxBytes: number): void {
  globalThis.Uint8Array = new Proxy(Uint8Array, {
    construct (target, args, newTarget) {
      const [length] = args
      if (typeof length === 'number' && length > LARGE && process.memoryUsage().arrayBuffers + length > maxBytes) {
        throw new RangeError('the document needs too much memory')
      }
      return Reflect.construct(target, args, newTarget)
    }
  })
}
