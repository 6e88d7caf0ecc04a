import { BadLineError } from './lines.js'
import { readLines } from './read-lines.js'

/** Something in the input: an object, or what is wrong with it. */
export interface InputObject {
  /** The line, or the place in a JSON array, counted from 1. */
  number: number
  /** Bytes of input that were read so far. */
  bytes: number
  /** Characters of the object's JSON, about. */
  length: number
  value: unknown
  error?: BadLineError
}

/**
 * The objects of the input: one JSON value a line, where a list envelope or an array stands for its elements; or one
 * array or envelope for the whole input, over many lines, which is then held in memory.
 *
 * @param maxBytes of what is held in memory at a time. Default: any number.
 */
export async function * readObjects (input: AsyncIterable<Uint8Array>, maxBytes = Infinity): AsyncGenerator<InputObject> {
  let whole: string[] | undefined
  let bytes = 0
  for await (const { number, text, end, isTooLong } of readLines(input, maxBytes)) {
    bytes = end
    if (isTooLong || (whole !== undefined && end > maxBytes)) {
      yield { number, bytes, length: 0, value: undefined, error: new BadLineError(`longer than ${maxBytes} bytes`) }
      if (whole !== undefined) return
      continue
    }
    // What is printed over many lines begins with a bracket alone.
    if (whole === undefined && number === 1 && /^\s*[[{]\s*$/.test(text)) whole = []
    if (whole !== undefined) whole.push(text)
    else if (text.trim() !== '') yield * elements(text, number, bytes)
  }
  if (whole !== undefined) {
    let place = 1
    for (const object of elements(whole.join('\n'), 1, bytes)) yield { ...object, number: place++ }
  }
}

function * elements (text: string, number: number, bytes: number): Generator<InputObject> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    yield { number, bytes, length: 0, value: undefined, error: new BadLineError('not valid JSON') }
    return
  }
  const list = Array.isArray(value) ? value as unknown[] : listOf(value)
  if (list === undefined) yield { number, bytes, length: text.length, value }
  else for (const element of list) yield { number, bytes, length: text.length / list.length, value: element }
}

function listOf (value: unknown): unknown[] | undefined {
  const { object, data } = value as { object?: unknown, data?: unknown } ?? {}
  return object === 'list' && Array.isArray(data) ? data as unknown[] : undefined
}
