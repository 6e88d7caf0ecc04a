import { plainRun } from './east-asian.js'
import { ASKING_RUNS, FUNCTION_WORDS, type Language } from './function-words.js'
import { isWrittenIn, languageVotes, scriptOf } from './languages.js'
import { folded } from './normalise.js'
import { withoutPrefixes } from './prefixes.js'
import { spellings } from './spellings.js'
import { termOf } from './stemmers.js'
import { grams, nameParts, tokens, type Token } from './words.js'

/** One thing that a query names, in all the forms that an index may know it by. */
export interface Concept {
  /** Terms, the most telling first. */
  forms: string[]
  /** Stands for every term that begins with its form: one character of a script that is searched by two. */
  isPrefix: boolean
  /** Whether it is a word of letters, parts of which may stand for it when no passage has it. */
  isWord: boolean
}

/** Concepts of one query: looking up the frequency of each takes a moment. */
const MAX_CONCEPTS = 1_000

/**
 * What a query names, without the words that only ask. A query of nothing else is taken as it stands.
 *
 * @param languages of the passages that are searched, the commonest first
 */
export function concepts (query: string, languages: readonly Language[]): Concept[] {
  const found = withAbbreviations(tokens(query))
  const isFunctionWord = functionWords(found, languages)
  const telling = found.flatMap(token => token.kind === 'run' ? tellingRuns(token) : isFunctionWord(token.text.toLowerCase()) ? [] : [token])
  const named = new Map<string, Concept>()
  for (const concept of ofTokens(telling.length > 0 ? telling : found, languages)) {
    if (named.size === MAX_CONCEPTS) break
    const name = concept.forms[0]!
    if (!named.has(name)) named.set(name, concept)
  }
  return [...named.values()]
}

/** Letters with points between are one word, which passages have in either form. */
function withAbbreviations (found: readonly Token[]): Token[] {
  const merged: Token[] = []
  let isOpen = false
  for (const token of found) {
    const isLetter = token.kind === 'word' && /^\p{L}$/u.test(token.text)
    const before = merged.at(-1)
    if (isOpen && isLetter && token.isJoined && before !== undefined) merged[merged.length - 1] = { ...before, text: before.text + token.text }
    else merged.push(token)
    isOpen = isLetter
  }
  return merged
}

/** The words of a query that name its subject, in its own spelling. */
export function tellingWords (query: string): string[] {
  const found = tokens(query)
  const isFunctionWord = functionWords(found, [])
  return found.filter(({ kind, text }) => kind !== 'word' || !isFunctionWord(text.toLowerCase())).map(({ text }) => text)
}

/** Of the language that the query seems to be in; where several are as likely, of those that the passages are in, else of all. */
function functionWords (found: readonly Token[], languages: readonly Language[]): (word: string) => boolean {
  const votes = languageVotes(found.map(({ text }) => text.toLowerCase()))
  const likely = votes.filter(vote => vote.votes === votes[0]!.votes).map(({ language }) => language)
  const known = likely.filter(language => languages.includes(language))
  const chosen = new Set(known.length > 0 ? known : likely)
  return word => FUNCTION_WORDS.get(word)?.some(language => chosen.has(language)) === true
}

function tellingRuns (token: Token): Token[] {
  const isKorean = /\p{scx=Hang}/u.test(token.text) && FUNCTION_WORDS.get(token.text)?.includes('ko') === true
  return isKorean ? [] : token.text.split(ASKING_RUNS).filter(run => run !== '').map(text => ({ ...token, text }))
}

function * ofTokens (found: readonly Token[], languages: readonly Language[]): Generator<Concept, void, undefined> {
  for (const [i, { kind, text, isJoined }] of found.entries()) {
    const lower = text.toLowerCase()
    if (kind === 'run') {
      const run = plainRun(folded(lower))
      const characters = [...run].length
      for (const gram of characters === 1 ? [run] : grams(run).slice(0, -1)) yield { forms: [gram], isPrefix: characters === 1, isWord: false }
      continue
    }
    const before = found[i - 1]
    const next = found[i + 1]
    const wholes = [...isJoined && before !== undefined ? [before.text.toLowerCase() + lower] : [], ...next?.isJoined === true ? [lower + next.text.toLowerCase()] : []]
    const parts = kind === 'word' ? nameParts(text).map(part => part.toLowerCase()) : []
    for (const word of parts.length > 0 ? parts : [lower]) {
      const others = [...wholes, ...parts.length > 0 ? [lower] : []]
      yield { forms: [...new Set([word, ...others].flatMap(spelling => forms(spelling, languages)))], isPrefix: false, isWord: /^[\p{L}\p{M}]+$/u.test(word) }
    }
  }
}

/** A word as it would stand in passages of each language. */
function forms (word: string, languages: readonly Language[]): string[] {
  const { script, fallback } = scriptOf(word)
  const possible = languages.filter(language => isWrittenIn(language, script))
  const terms = possible.flatMap(language => spellings(word, language).map(spelling => termOf(spelling, language)))
  return [...terms.length > 0 ? terms : [termOf(word, fallback)], folded(word), ...withoutPrefixes(word)]
}
