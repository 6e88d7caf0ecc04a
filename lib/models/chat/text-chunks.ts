/** A literal that is its text, and nearly every one is. */
const PLAIN = /^"[^"\\\p{Cc}]*"$/u
/** One string literal of JSON and nothing else. */
const LITERAL = /^"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"$/u

const KEY = '"content":'

/**
 * Reads the chunks of a stream that differ in nothing but their text, without parsing the rest of each: nearly all chunks of an answer.
 * What stands before and behind the text has been parsed once, with another text in its place, and a string literal changes nothing
 * of the structure around it.
 */
export class TextChunks {
  #before: string | undefined
  #behind = ''
  /** As `#before`, where a frame of a `text/event-stream` begins. */
  #frameBefore = ''

  /** The text of a chunk that is like the one learned from, else undefined. */
  read (chunk: string): string | undefined {
    return this.#before === undefined ? undefined : this.#text(chunk, 0, this.#before, chunk.length)
  }

  /** Reads whole frames that hold such chunks; see `FrameShortcut`. */
  readFrames (stream: string, from: number, onText: (text: string) => void): number {
    if (this.#before === undefined) return from
    for (let next = from; ;) {
      const end = stream.indexOf('\n\n', next)
      const text = end === -1 ? undefined : this.#text(stream, next, this.#frameBefore, end)
      if (text === undefined) return next
      onText(text)
      next = end + 2
    }
  }

  /** What stands between `before` and what is behind the text. */
  #text (stream: string, from: number, before: string, end: number): string | undefined {
    const start = from + before.length
    const behind = end - this.#behind.length
    // Slices share the memory, and comparing them is several times faster than `startsWith`.
    if (behind < start || stream.slice(from, start) !== before || stream.slice(behind, end) !== this.#behind) return undefined
    const literal = stream.slice(start, behind)
    if (PLAIN.test(literal)) return literal.slice(1, -1)
    return LITERAL.test(literal) ? JSON.parse(literal) as string : undefined
  }

  /** Takes a chunk as the pattern. Its effect, but for the text, must be none. Does nothing when the place of the text is not certain. */
  learn (chunk: string, text: string): void {
    const at = chunk.indexOf(KEY)
    if (at === -1 || chunk.includes(KEY, at + KEY.length)) return
    const from = at + KEY.length
    const literal = JSON.stringify(text)
    if (!chunk.startsWith(literal, from)) return
    this.#before = chunk.slice(0, from)
    this.#behind = chunk.slice(from + literal.length)
    this.#frameBefore = `data: ${this.#before}`
  }
}
