import { englishSpellings } from './english.js'
import type { Language } from './function-words.js'

/** Letters that are also written as two: apart and together. */
const PAIRS: Partial<Record<Language, readonly (readonly [letter: string, pair: string])[]>> = {
  de: [['ä', 'ae'], ['ö', 'oe'], ['ü', 'ue']],
  da: [['å', 'aa'], ['ø', 'oe']],
  no: [['å', 'aa'], ['ø', 'oe']],
  sv: [['å', 'aa'], ['ä', 'ae'], ['ö', 'oe']]
}

/** Words whose plural is made within, by language: one form, then the other. */
const WITHIN: Partial<Record<Language, string>> = {
  da: 'barn børn mand mænd hånd hænder bog bøger fod fødder tand tænder nat nætter far fædre mor mødre bror brødre datter døtre søn sønner bonde bønder by byer ko køer stad stæder tog toge øje øjne',
  no: 'mann menn hånd hender bok bøker fot føtter tann tenner natt netter far fedre mor mødre bror brødre datter døtre bonde bønder ku kyr stad steder rot røtter tre trær kne knær øye øyne barn barna',
  sv: 'man män hand händer bok böcker fot fötter tand tänder natt nätter far fäder mor mödrar bror bröder dotter döttrar bonde bönder stad städer rot rötter son söner land länder strand stränder öga ögon gås gäss mus möss',
  nl: 'stad steden schip schepen lid leden ei eieren smid smeden kind kinderen koe koeien blad bladeren lied liederen',
  it: 'uomo uomini dio dei bue buoi uovo uova dito dita braccio braccia',
  fr: 'œil yeux monsieur messieurs madame mesdames ciel cieux',
  ru: 'человек люди ребёнок дети ребенок дети',
  uk: 'дитина діти людина люди',
  ro: 'copil copii om oameni soră surori noră nurori'
}

/**
 * What a word of a language may also be written as in a passage, in lower case: itself, in two letters for one or the other way round, and in
 * forms that no ending makes. What is no word is in no passage.
 */
export function spellings (word: string, language: Language): string[] {
  if (language === 'en') return englishSpellings(word)
  const found = [word]
  const pairs = PAIRS[language]
  if (pairs !== undefined) {
    let [together, apart] = [word, word]
    for (const [letter, pair] of pairs) [together, apart] = [together.replaceAll(pair, letter), apart.replaceAll(letter, pair)]
    found.push(together, apart)
  }
  const within = OTHERS.get(language)?.get(word)
  if (within !== undefined) found.push(within)
  if (language === 'id') found.push(...withPrefix(word))
  if (language === 'uk') found.push(...withOtherVowel(word))
  return [...new Set(found)]
}

const OTHERS = new Map((Object.entries(WITHIN) as [Language, string][]).map(([language, list]): [Language, Map<string, string>] => {
  const words = list.split(' ')
  return [language, new Map(words.map((word, i): [string, string] => [word, words[i ^ 1]!]))]
}))

/** The first letter of an Indonesian word that the prefix takes the place of. */
const TAKEN = { meng: 'k', men: 't', mem: 'p', meny: 's', peng: 'k', pen: 't', pem: 'p', peny: 's' } as const
const PREFIXED = /^([mp]e(?:ny|ng|n|m))(?=[aeiou])/

/** `kirim` is in `mengirim`, whose stem has lost its first letter. */
function withPrefix (word: string): string[] {
  const prefix = PREFIXED.exec(word)?.[1] as keyof typeof TAKEN | undefined
  if (prefix !== undefined) return [TAKEN[prefix] + word.slice(prefix.length)]
  const before = (Object.entries(TAKEN) as [string, string][]).find(([, letter]) => word.length > 3 && word.startsWith(letter))?.[0]
  return before === undefined || !/[aeiou]/.test(word[1]!) ? [] : [before + word.slice(1)]
}

/** Ukrainian has another vowel where an ending opens the syllable: `Київ`, `Києва`. */
function withOtherVowel (word: string): string[] {
  const closed = /^(.+)[іїи]([^аеєиіїоуюяьй])$/.exec(word)
  if (closed !== null) return ['о', 'е', 'є'].map(vowel => `${closed[1]}${vowel}${closed[2]}а`)
  const open = /^(.+)([оеє])([^аеєиіїоуюяьй])[аіуеи]$/.exec(word)
  return open === null ? [] : [`${open[1]}${open[2] === 'є' ? 'ї' : 'і'}${open[3]}`]
}
