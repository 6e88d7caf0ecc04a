import { StringDecoder } from 'node:string_decoder'

export interface TextLine {
  /** Counts from 1. */
  number: number
  text: string
  /** Bytes of the input up to the end of this line, its line break included. */
  end: number
  /** Whether a line break follows. */
  isWhole: boolean
  /** It is longer than was asked for, and `text` empty. */
  isTooLong: boolean
}

const LINE_BREAK = 0x0a

/**
 * The lines of a stream of UTF-8, one at a time.
 *
 * @param maxBytes of a line; of a longer one nothing is kept. Default: any length.
 */
export async function * readLines (input: AsyncIterable<Uint8Array>, maxBytes = Infinity): AsyncGenerator<TextLine> {
  let number = 0
  let end = 0
  let text = ''
  let bytes = 0
  const decoder = new StringDecoder('utf8')
  for await (const data of input) {
    const chunk = Buffer.from(data.buffer, data.byteOffset, data.length)
    let start = 0
    for (let at = chunk.indexOf(LINE_BREAK); at !== -1; at = chunk.indexOf(LINE_BREAK, start)) {
      add(chunk.subarray(start, at))
      end += at + 1 - start
      start = at + 1
      yield line(true)
      text = ''
      bytes = 0
    }
    add(chunk.subarray(start))
    end += chunk.length - start
  }
  text += decoder.end()
  if (text !== '' || bytes > maxBytes) yield line(false)

  function add (part: Buffer): void {
    bytes += part.length
    const decoded = decoder.write(part)
    text = bytes > maxBytes ? '' : text + decoded
  }

  function line (isWhole: boolean): TextLine {
    number++
    const isTooLong = bytes > maxBytes
    return { number, text: isTooLong ? '' : withoutMark(text, number), end, isWhole, isTooLong }
  }
}

/** Editors of some systems begin a file with a byte order mark. */
const withoutMark = (text: string, number: number): string => number === 1 ? text.replace(/^\uFEFF/, '') : text
