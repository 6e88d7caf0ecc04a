/** The same bytes in chunks of exactly `size`, but for the last one. Holds one chunk at a time. */
export async function * inChunks (source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let chunk = Buffer.allocUnsafe(size)
  let filled = 0
  for await (const bytes of source) {
    for (let taken = 0; taken < bytes.length;) {
      const part = bytes.subarray(taken, taken + size - filled)
      chunk.set(part, filled)
      filled += part.length
      taken += part.length
      if (filled < size) continue
      yield chunk
      // Never the same memory again: a driver may still be sending it.
      chunk = Buffer.allocUnsafe(size)
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}

/** The bytes from `start` to before `end` of something that is kept in chunks of `size`. */
export async function * readChunks (start: number, end: number, size: number, load: (number: number) => Promise<Buffer>): AsyncGenerator<Buffer> {
  for (let number = Math.floor(start / size); number * size < end; number++) {
    const chunk = await load(number)
    yield chunk.subarray(Math.max(start - number * size, 0), Math.min(end - number * size, chunk.length))
  }
}
