import { Readable } from 'node:stream'

/** Values of one source that wait to be taken. */
const WAITING = 4

/**
 * The sources that `open` makes of the items, one after the other, while the next ones are read already: what waits for a distant server
 * waits for several answers at a time. Each source's errors come from its own values.
 *
 * @param count sources that are open at a time.
 */
export async function * ahead<Item, Value> (items: AsyncIterable<Item>, count: number, open: (item: Item) => AsyncGenerator<Value>): AsyncGenerator<{ item: Item, values: AsyncIterable<Value> }> {
  const opened: { item: Item, values: Readable }[] = []
  try {
    for await (const item of items) {
      opened.push({ item, values: begin(open(item)) })
      if (opened.length === count) yield opened.shift()!
    }
    while (opened.length > 0) yield opened.shift()!
  } finally {
    for (const { values } of opened) values.destroy()
  }
}

function begin (source: AsyncIterable<unknown>): Readable {
  const values = Readable.from(source, { highWaterMark: WAITING })
  // The reader gets the error when it comes to it.
  values.on('error', () => {})
  values.read(0)
  return values
}
