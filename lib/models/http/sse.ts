import { StringDecoder } from 'node:string_decoder'
import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'

/** A frame longer than the limit. */
export class FrameTooLongError extends Error {
  override name = 'FrameTooLongError'
}

/** Turns bytes of a `text/event-stream` into events. */
export class SseDecoder {
  readonly #text = new StringDecoder('utf8')
  readonly #parser: EventSourceParser
  #events: EventSourceMessage[] = []
  #first = true
  #tooLong = false

  /** `maxFrameLength` bounds, in characters, what is held while a line or a frame is not complete. */
  constructor (maxFrameLength: number) {
    this.#parser = createParser({
      maxBufferSize: maxFrameLength,
      onEvent: event => { this.#events.push(event) },
      onError: error => { if (error.type === 'max-buffer-size-exceeded') this.#tooLong = true }
    })
  }

  /** The events that `chunk` completed. Throws `FrameTooLongError`. */
  feed (chunk: Buffer): EventSourceMessage[] {
    return this.#take(this.#text.write(chunk))
  }

  /** What was left without its closing blank line, which some servers forget. */
  end (): EventSourceMessage[] {
    return this.#take(this.#text.end() + '\n\n')
  }

  #take (text: string): EventSourceMessage[] {
    this.#events = []
    if (this.#first && text !== '') {
      this.#first = false
      // The parser looks for a byte order mark in undecoded bytes only.
      if (text.startsWith('\uFEFF')) text = text.slice(1)
    }
    this.#parser.feed(text)
    if (this.#tooLong) throw new FrameTooLongError()
    return this.#events
  }
}
