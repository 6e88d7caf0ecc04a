import { test } from 'tap'
import { FrameTooLongError, SseDecoder } from '../../lib/models/http/sse.js'
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

/** What a decoder makes of a stream that arrives in pieces of these bytes. */
function decoded (stream: string, pieceBytes: number, chunks: TextChunks | undefined): string[] {
  const found: string[] = []
  const sse = new SseDecoder(1e6, ({ data, event }) => {
    const content: unknown = data.startsWith('{') ? JSON.parse(data).choices?.[0]?.delta?.content : undefined
    if (event === undefined && typeof content === 'string') chunks?.learn(data, content)
    found.push(typeof content === 'string' ? `text ${content}` : `other ${event ?? ''} ${data}`)
  }, chunks && ((text, from) => chunks.readFrames(text, from, text => found.push(`text ${text}`))))
  const bytes = Buffer.from(stream)
  for (let at = 0; at < bytes.length; at += pieceBytes) sse.feed(bytes.subarray(at, at + pieceBytes))
  sse.end()
  return found
}

test('frames that are alike are read as the parser reads them, in order with all others, wherever the stream is cut', async t => {
  const plain = TEXTS.map(text => `data: ${chunk(text)}\n\n`)
  const odd = [
    ': a comment\n\n', 'event: ping\ndata: {}\n\n', `event: other\ndata: ${chunk('named')}\n\n`, `data: ${chunk('behind', { usage: { prompt_tokens: 1 } })}\n\n`,
    `data:${chunk('no space')}\n\n`, `data: ${chunk('CRLF')}\r\n\r\n`, 'data: {"choices":[]}\n\n', `id: 7\ndata: ${chunk('with id')}\n\n`, 'data: two\ndata: lines\n\n', '\n\n'
  ]
  const stream = '\uFEFF' + [...plain, ...odd, ...plain, ...odd.flatMap(frame => [frame, ...plain]), 'data: [DONE]'].join('')
  const expected = decoded(stream, Infinity, undefined)
  t.ok(expected.length > 150)
  for (const pieceBytes of [1, 2, 3, 7, 64, 150, 1000, Infinity]) t.strictSame(decoded(stream, pieceBytes, new TextChunks()), expected, `${pieceBytes} bytes`)
  t.throws(() => new SseDecoder(1000, () => {}).feed(Buffer.from('data: ' + 'x'.repeat(2000))), FrameTooLongError)
})
