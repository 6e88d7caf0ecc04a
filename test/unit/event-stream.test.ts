import { test } from 'tap'
import { jsonLine, stringLine } from '../../lib/shared/event-stream.js'

test('a string is written as JSON on one line, whatever is in it', async t => {
  const wrong: string[] = []
  for (let code = 0; code <= 0xffff; code++) {
    const text = `a${String.fromCharCode(code)}b`
    if (stringLine(text) !== jsonLine(text)) wrong.push(code.toString(16))
  }
  for (const text of ['', '😀', '\ud83d', 'plain words', '\r\n']) if (stringLine(text) !== jsonLine(text)) wrong.push(text)
  t.strictSame(wrong, [])
  t.equal(stringLine('\u2028\u2029\u0085"\\'), '"\\u2028\\u2029\\u0085\\"\\\\"')
})
