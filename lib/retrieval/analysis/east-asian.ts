import traditional from 'opencc-js/dict/TSCharacters'
import japanese from 'opencc-js/dict/JPShinjitaiCharacters'

/** Code units, of which Katakana and Hiragana each have one row in the same order. */
const [KATAKANA, KATAKANA_END, HIRAGANA] = [0x30A1, 0x30FE, 0x3041] as const
const [FIRST, LAST] = [0x3041, 0x9FFF] as const

let forms: Uint16Array | undefined

/**
 * A run of ideographs and Kana in one writing: simplified characters for traditional and Japanese ones, Hiragana for Katakana. The same word is
 * written in either, by country and by habit. Where two characters become one, pairs of characters still distinguish words well enough.
 */
export function plainRun (run: string): string {
  forms ??= formsOf()
  let plain = ''
  let from = 0
  for (let i = 0; i < run.length; i++) {
    const unit = run.charCodeAt(i)
    if (unit < FIRST || unit > LAST) continue
    const form = forms[unit - FIRST]!
    if (form === 0) continue
    plain += run.slice(from, i) + String.fromCharCode(form)
    from = i + 1
  }
  return from === 0 ? run : plain + run.slice(from)
}

/** What stands for a code unit, 0 for itself: 56 kB. Characters beyond two bytes are too rare to count. */
function formsOf (): Uint16Array {
  const table = new Uint16Array(LAST - FIRST + 1)
  const pairs = (list: string): [number, number][] => list.split('|').map(pair => pair.split(' ')).filter(([from = '', to = '']) => from.length === 1 && to.length === 1)
    .map(([from, to]) => [from!.charCodeAt(0), to!.charCodeAt(0)])
  const simplified = new Map(pairs(traditional))
  for (const [from, to] of simplified) table[from - FIRST] = to
  // What China simplified in its own way is not what Japan did.
  for (const [from, to] of pairs(japanese)) if (table[from - FIRST] === 0) table[from - FIRST] = simplified.get(to) ?? to
  for (let unit = KATAKANA; unit <= KATAKANA_END; unit++) table[unit - FIRST] = HIRAGANA + unit - KATAKANA
  // Signs between the rows, which Hiragana has not.
  for (const unit of [0x30F7, 0x30F8, 0x30F9, 0x30FA, 0x30FB, 0x30FC]) table[unit - FIRST] = 0
  return table
}
