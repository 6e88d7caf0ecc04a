import { test } from 'tap'
import { TextChunks } from '../../lib/models/chat/text-chunks.js'

const chunk = (content: string, more: object = {}): string =>
  JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })

const TEXTS = ['', ' word', '"', '\\', '\\"', 'line\nend', '\u2028', 'é', '😀', '"}}]}', ',"finish_reason":"stop"', '"content":"x"', '\u007f']

test('a chunk is read as JSON reads it when it differs from the one before in its text alone', async t => {
  const misread: string[][] = []
  for (const first of TEXTS) {
    for (const next of TEXTS) {
      const chunks = new TextChunks()
      chunks.learn(chunk(first), first)
      const read = chunks.read(chunk(next))
      // Undefined is allowed: such a chunk is parsed whole.
      if (read !== undefined && read !== next) misread.push([first, next, read])
    }
  }
  t.strictSame(misread, [])
  const chunks = new TextChunks()
  chunks.learn(chunk('a'), 'a')
  for (const text of [' word', '"', 'line\nend', '😀', '']) t.equal(chunks.read(chunk(text)), text)
})

test('an escape in any spelling is read', async t => {
  const chunks = new TextChunks()
  chunks.learn(chunk('a'), 'a')
  const [before, behind] = chunk('|').split('"|"') as [string, string]
  for (const literal of ['"\\u00e9\\/"', '"\\ud83d\\ude00"', '"\\t"']) t.equal(chunks.read(before + literal + behind), JSON.parse(literal))
  for (const wrong of ['"\\x"', '"\\u00"', 'null', '"a","b":"c"', '"a"+"b"', '"', '', '"\n"', '["a"]']) t.equal(chunks.read(before + wrong + behind), undefined, wrong)
})

test('anything else that is new in a chunk is left to the parser', async t => {
  const chunks = new TextChunks()
  chunks.learn(chunk('a'), 'a')
  for (const other of [
    chunk('b', { usage: { prompt_tokens: 1 } }), chunk('b').replace('"finish_reason":null', '"finish_reason":"stop"'), chunk('b').replace('"index":0', '"index":1'),
    chunk('b').replace('"content"', '"refusal"'), chunk('b').slice(0, -1), ` ${chunk('b')}`, ''
  ]) t.equal(chunks.read(other), undefined, other)
})

test('a chunk in which the place of the text is not certain teaches nothing', async t => {
  for (const unclear of [
    '{"content":"a","choices":[{"delta":{"content":"a"}}]}', '{"choices":[{"delta":{"content":"x","content":"a"}}]}', '{"choices":[{"delta":{"content": "a"}}]}',
    '{"choices":[{"delta":{"content":"\\u0061"}}]}', '{"choices":[{"delta":{}}]}'
  ]) {
    const chunks = new TextChunks()
    chunks.learn(unclear, 'a')
    t.equal(chunks.read(unclear), undefined, unclear)
  }
})
