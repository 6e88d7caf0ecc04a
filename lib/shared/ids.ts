import { randomFillSync } from 'node:crypto'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The largest multiple of 62 that fits a byte: bytes from here on are thrown away, so that no letter is likelier than another. */
const UNBIASED = 248

/** Random bytes are fetched in large pieces: asking the system costs more than all the rest of an id, and every request has one. */
const pool = Buffer.alloc(8192)
let used = pool.length

/** Bytes that have not been handed out before. Valid until the next call. */
function freshBytes (length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += length
  return pool.subarray(used - length, used)
}

function base62 (length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of freshBytes(length + 8)) {
      if (byte < UNBIASED && text.length < length) text += BASE62[byte % 62]
    }
  }
  return text
}

/** @param bytes of which each is two digits. */
export const randomHex = (bytes: number): string => freshBytes(bytes).toString('hex')

const hex32 = (): string => randomHex(16)

/** New ids in the forms that clients know from the real API. */
export const newId = {
  assistant: () => 'asst_' + base62(24),
  thread: () => 'thread_' + base62(24),
  message: () => 'msg_' + base62(24),
  run: () => 'run_' + base62(24),
  step: () => 'step_' + base62(24),
  toolCall: () => 'call_' + base62(24),
  file: () => 'file-' + base62(22),
  vectorStore: () => 'vs_' + hex32(),
  vectorStoreFileBatch: () => 'vsfb_' + hex32(),
  upload: () => 'upload_' + hex32(),
  uploadPart: () => 'part_' + hex32(),
  request: () => 'req_' + hex32(),
  chatCompletion: () => 'chatcmpl-' + base62(29)
}
