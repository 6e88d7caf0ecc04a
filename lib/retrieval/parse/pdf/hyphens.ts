/** After these a hyphen stands for the rest of a compound: "long- and short-term". */
const CONJUNCTIONS = new Set(['und', 'oder', 'bzw', 'and', 'or', 'to', 'et', 'ou', 'y', 'o', 'e', 'en', 'of', 'och', 'og', 'i', 'a'])
const ENDS_IN_HYPHEN = /(\p{L}[\p{L}\p{M}'’]*)([-\u2010\u00AD])$/u
const COMPOUND = /\p{L}+(?:[-\u2010]\p{L}+)+/gu
/** A line is looked at from its end so far. */
const LONGEST_WORD = 60

/** A place where a word may be divided and is, with the hyphen that shows it; places where it is not. */
const DIVIDED = /(?<!\u00AD)\u00AD+[-\u2010]?$/
const UNDIVIDED = /\u00AD(?!$)/g

/** Joins words that were divided at the end of a line. A compound that has hyphens of its own keeps them. */
export function joinHyphens (lines: readonly string[]): string[] {
  return joinDivided(lines.map(line => line.replace(DIVIDED, '\u00AD').replace(UNDIVIDED, ''))).map(line => line.replace(/\u00AD$/, '-'))
}

function joinDivided (lines: readonly string[]): string[] {
  const compounds = new Set(lines.flatMap(line => line.match(COMPOUND) ?? []).map(word => word.toLowerCase()))
  const joined: string[] = []
  for (const line of lines) {
    const before = joined.at(-1)
    const [, stem, hyphen] = ENDS_IN_HYPHEN.exec(before?.slice(-LONGEST_WORD) ?? '') ?? []
    const [rest] = /^\p{L}[\p{L}\p{M}'’-]*/u.exec(line.slice(0, LONGEST_WORD)) ?? []
    if (before === undefined || stem === undefined || rest === undefined || (CONJUNCTIONS.has(rest) && hyphen !== '\u00AD')) {
      joined.push(line)
      continue
    }
    const whole = before.slice(-LONGEST_WORD).split(/\s/).at(-1)!
    const isOwn = hyphen !== '\u00AD' && (/[-\u2010]./u.test(whole) || !/^\p{Ll}/u.test(rest) || compounds.has(`${stem}-${/^[\p{L}\p{M}]+/u.exec(rest)![0]}`.toLowerCase()))
    joined[joined.length - 1] = (isOwn ? before : before.slice(0, -1)) + /^\S*/.exec(line)![0]
    const remainder = line.replace(/^\S+\s*/, '')
    if (remainder !== '') joined.push(remainder)
  }
  return joined
}
