import type { Duplex } from 'node:stream'

/** The number of bytes ahead of each frame, big-endian. */
const LENGTH_BYTES = 4

/** Sends bytes as one frame. */
export function sendFrame (channel: Duplex, bytes: Uint8Array, sent?: () => void): void {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(bytes.length)
  // Both with one call of the system.
  channel.cork()
  channel.write(length)
  channel.write(bytes, () => sent?.())
  channel.uncork()
}

/** Calls `onFrame` for each frame that comes, with bytes of its own, and `onTooLarge` in place of one that is larger than `maxBytes`: nothing is read after it. */
export function readFrames (channel: Duplex, { maxBytes, onFrame, onTooLarge }: { maxBytes: number, onFrame: (bytes: Uint8Array<ArrayBuffer>) => void, onTooLarge: () => void }): void {
  let part = new Uint8Array(LENGTH_BYTES)
  let filled = 0
  let isLength = true
  let isBroken = false
  const next = (length: number, ofLength: boolean): void => {
    part = new Uint8Array(length)
    filled = 0
    isLength = ofLength
  }
  channel.on('data', (piece: Buffer) => {
    for (let at = 0; at < piece.length && !isBroken;) {
      const taken = piece.subarray(at, at + part.length - filled)
      part.set(taken, filled)
      filled += taken.length
      at += taken.length
      if (filled < part.length) return
      const whole = part
      if (!isLength) {
        next(LENGTH_BYTES, true)
        onFrame(whole)
        continue
      }
      const length = new DataView(whole.buffer).getUint32(0)
      if (length > maxBytes) {
        isBroken = true
        onTooLarge()
      } else if (length === 0) {
        next(LENGTH_BYTES, true)
        onFrame(new Uint8Array(0))
      } else {
        next(length, false)
      }
    }
  })
}
