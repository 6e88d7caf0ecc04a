import { test } from 'tap'
import { ThinkingReader } from '../../lib/models/thinking.js'

/** What is read of these pieces: thoughts in parentheses. */
function read (...pieces: string[]): string[] {
  const reader = new ThinkingReader()
  return [...pieces.flatMap(piece => reader.push(piece)), ...reader.end()].map(({ type, text }) => type === 'text' ? text : `(${text})`)
}

const joined = (pieces: string[]): string => pieces.join('').replaceAll(')(', '')

test('thoughts at the beginning are told from the answer, however the text is cut', async t => {
  for (const [text, expected] of [
    ['<think>Hm, 1 < 2.</think>\n\nIt is so.', '(Hm, 1 < 2.)It is so.'],
    ['\n<think>\nHm\n</think>It is so.', '(\nHm\n)It is so.'],
    ['<thinking>a</think>b</thinking> c', '(a</think>b)c'],
    ['<think></think>\n\nYes', 'Yes'],
    ['<think>Never ends </thi', '(Never ends </thi)'],
    ['Tags like <think>x</think> are text.', 'Tags like <think>x</think> are text.'],
    ['<thin', '<thin'],
    ['  <b>bold</b>', '  <b>bold</b>'],
    ['<think>a</think>', '(a)'],
    ['<think>a</think> \n', '(a)'],
    ['', '']
  ] as const) {
    for (let size = 1; size <= Math.max(text.length, 1); size++) {
      t.equal(joined(read(...text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [])), expected, `${JSON.stringify(text)} in pieces of ${size}`)
    }
  }
})

test('an answer goes on as soon as it cannot begin with a tag', async t => {
  const reader = new ThinkingReader()
  t.strictSame([reader.push('<'), reader.push('th'), reader.push('e'), reader.push(' end')].map(found => found.map(({ text }) => text).join()), ['', '', '<the', ' end'])
})
