import { test } from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { analysePassage } from '../../lib/retrieval/analysis/passage.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('words as long as a file of Base64 has them are not kept once their passage is analysed', t => {
  const letters = 20_000
  const words = 200
  const word = (i: number): string => `${String.fromCharCode(97 + i % 26)}${i.toString(36)}`.repeat(letters).slice(0, letters)
  analysePassage(word(words))
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < words; i++) analysePassage(word(i))
  collectGarbage()
  const kept = process.memoryUsage().heapUsed - before
  t.ok(kept < words * letters / 4, `${kept} bytes of ${words * letters} are kept`)
  t.end()
})
