import { StringDecoder } from 'node:string_decoder'

export interface TextLine {
  /** Counts from 1. */
  number: number
  text: string
  /** Bytes of the input up to the end of this line, its line break included. */
  end: number
  /** Whether a line break follows. */
  isWhole: boolean
}

const LINE_BREAK = 0x0a

/** The lines of a stream of UTF-8, one at a time, of any length. */
export async function * readLines (input: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine> {
  let number = 0
  let end = 0
  let text = ''
  const decoder = new StringDecoder('utf8')
  for await (const data of input) {
    const chunk = Buffer.from(data.buffer, data.byteOffset, data.length)
    let start = 0
    for (let at = chunk.indexOf(LINE_BREAK); at !== -1; at = chunk.indexOf(LINE_BREAK, start)) {
      text += decoder.write(chunk.subarray(start, at))
      end += at + 1 - start
      start = at + 1
      yield { number: ++number, text: withoutMark(text, number), end, isWhole: true }
      text = ''
    }
    text += decoder.write(chunk.subarray(start))
    end += chunk.length - start
  }
  text += decoder.end()
  if (text !== '') yield { number: ++number, text: withoutMark(text, number), end, isWhole: false }
}

/** Editors of some systems begin a file with a byte order mark. */
const withoutMark = (text: string, number: number): string => number === 1 ? text.replace(/^\uFEFF/, '') : text
