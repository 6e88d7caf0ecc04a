import { StringDecoder } from 'node:string_decoder'
import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'

/** A frame longer than the limit. */
export class FrameTooLongError extends Error {
  override name = 'FrameTooLongError'
}

/**
 * Reads frames that it knows without the parser.
 *
 * @param text frames end with an empty line.
 * @param from where a frame begins.
 * @returns where the first frame begins that it does not know, or that is not whole yet.
 */
export type FrameShortcut = (text: string, from: number) => number

/** Turns bytes of a `text/event-stream` into events. */
export class SseDecoder {
  readonly #text = new StringDecoder('utf8')
  readonly #parser: EventSourceParser
  readonly #shortcut: FrameShortcut | undefined
  #isFirst = true
  #isBetweenFrames = true
  #tooLong = false

  /**
   * @param maxFrameLength bounds, in characters, what is held while a line or a frame is not complete.
   * @param onEvent gets the events that the parser reads, in order with what the shortcut does.
   */
  constructor (maxFrameLength: number, onEvent: (event: EventSourceMessage) => void, shortcut?: FrameShortcut) {
    this.#shortcut = shortcut
    this.#parser = createParser({
      maxBufferSize: maxFrameLength,
      onEvent,
      onError: error => { if (error.type === 'max-buffer-size-exceeded') this.#tooLong = true }
    })
  }

  /** Reads what `chunk` completed. Throws `FrameTooLongError`, and what `onEvent` throws. */
  feed (chunk: Buffer): void {
    this.#read(this.#text.write(chunk))
  }

  /** Reads what was left without its closing blank line, which some servers forget. */
  end (): void {
    this.#read(this.#text.end() + '\n\n')
  }

  #read (text: string): void {
    let from = 0
    if (this.#isFirst && text !== '') {
      this.#isFirst = false
      // The parser looks for a byte order mark in undecoded bytes only.
      if (text.startsWith('\uFEFF')) from = 1
    }
    while (from < text.length) {
      if (this.#isBetweenFrames && this.#shortcut !== undefined) from = this.#shortcut(text, from)
      if (from === text.length) return
      const end = text.indexOf('\n\n', from)
      const until = end === -1 ? text.length : end + 2
      this.#parser.feed(text.slice(from, until))
      if (this.#tooLong) throw new FrameTooLongError()
      this.#isBetweenFrames = end !== -1
      from = until
    }
  }
}
