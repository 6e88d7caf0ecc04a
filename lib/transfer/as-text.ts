import type { Line } from './lines.js'

/** Characters that go out together: most lines are short. */
const TOGETHER = 64 * 1024

/** Lines as JSON, several at a time. */
export async function * asText (lines: AsyncIterable<Line>, onLine?: (line: Line) => void): AsyncGenerator<string> {
  let text = ''
  for await (const line of lines) {
    text += `${JSON.stringify(line)}\n`
    onLine?.(line)
    if (text.length < TOGETHER) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}
