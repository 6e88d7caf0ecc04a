/** Words whose plural has no ending that could be taken off. */
const IRREGULAR = ('man men woman women child children mouse mice goose geese foot feet tooth teeth ox oxen person people knife knives wife wives life lives leaf leaves loaf loaves half halves shelf shelves thief thieves wolf wolves ' +
  'calf calves self selves elf elves analysis analyses crisis crises thesis theses basis bases hypothesis hypotheses axis axes criterion criteria phenomenon phenomena index indices matrix matrices vertex vertices appendix appendices').split(' ')
const OTHERS = new Map(IRREGULAR.map((word, i): [string, string] => [word, IRREGULAR[i ^ 1]!]))

/** How words are spelled in Britain and in America, and the other way round. What is no word is in no passage. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^(\w{2,})our(s|ed|ing|able|ful|ite|hood|less)?$/, '$1or$2'],
  [/^(\w{2,})or(s|ed|ing|able|ful|ite|hood|less)?$/, '$1our$2'],
  [/^(\w{3,})is(e|es|ed|er|ers|ing|ation|ations)$/, '$1iz$2'],
  [/^(\w{3,})iz(e|es|ed|er|ers|ing|ation|ations)$/, '$1is$2'],
  [/^(\w{2,})ys(e|es|ed|er|ers|ing)$/, '$1yz$2'],
  [/^(\w{2,})yz(e|es|ed|er|ers|ing)$/, '$1ys$2'],
  [/^(\w*(?:cent|theat|met|lit|fib|calib|lust|spect|meag|somb|sabr?))re(s)?$/, '$1er$2'],
  [/^(\w*(?:cent|theat|met|lit|fib|calib|lust|spect|meag|somb|sab))er(s)?$/, '$1re$2'],
  [/^(\w{3,})ogue(s)?$/, '$1og$2'],
  [/^(\w{3,})og(s)?$/, '$1ogue$2'],
  [/^(\w{2,}[aeiou])ll(ed|ing|er|ers)$/, '$1l$2'],
  [/^(\w{2,}[aeiou])l(ed|ing|er|ers)$/, '$1ll$2'],
  [/^(defen|offen|licen|preten)ce(s)?$/, '$1se$2'],
  [/^(defen|offen|licen|preten)se(s)?$/, '$1ce$2'],
  [/^grey(s|ish)?$/, 'gray$1'],
  [/^gray(s|ish)?$/, 'grey$1'],
  [/^program(s)?$/, 'programme$1'],
  [/^programme(s)?$/, 'program$1']
]

/** An English word in lower case, and others that a text may have for it. */
export function englishSpellings (word: string): string[] {
  const other = OTHERS.get(word)
  return [word, ...other === undefined ? [] : [other], ...SPELLINGS.flatMap(([pattern, spelling]) => pattern.test(word) ? [word.replace(pattern, spelling)] : [])]
}
