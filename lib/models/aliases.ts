interface Wildcard {
  /** The literal pieces around the stars: the first must begin the name, the last must end it. */
  pieces: string[]
  target: string
}

/**
 * Names that stand for others: `{ 'gpt-4-1106-preview': 'gpt-4o', 'gpt-3.5-*': 'ollama/llama3', 'claude-*': 'anthropic/claude-*' }`.
 * An exact name beats a pattern; among patterns the longest text before the first star wins, then the longest
 * text in all, then the one given first. A star in the target takes what the star in the same place matched.
 */
export class Aliases {
  readonly #exact: Map<string, string>
  readonly #wildcards: Wildcard[]

  /** Throws a `TypeError` for an empty name or a target with more stars than its pattern. */
  constructor (aliases: Record<string, string> = {}) {
    const entries = Object.entries(aliases)
    for (const [name, target] of entries) check(name, target)
    this.#exact = new Map(entries.filter(([name]) => !name.includes('*')))
    this.#wildcards = entries.filter(([name]) => name.includes('*'))
      .map(([name, target]) => ({ pieces: name.split('*'), target }))
      .sort((a, b) => a.pieces[0]!.length === b.pieces[0]!.length ? literalLength(b) - literalLength(a) : b.pieces[0]!.length - a.pieces[0]!.length)
  }

  /** The exact names, for lists. */
  get names (): string[] {
    return [...this.#exact.keys()]
  }

  /**
   * What `name` stands for; itself when nothing matches. A target may be an exact alias in turn, but is not matched with
   * patterns again (`*` to `ollama/*` would never end), and no alias is followed twice.
   */
  resolve (name: string): string {
    let current = this.#exact.get(name) ?? this.#matched(name) ?? name
    const followed = new Set([name])
    while (!followed.has(current)) {
      followed.add(current)
      const next = this.#exact.get(current)
      if (next === undefined || followed.has(next)) break
      current = next
    }
    return current
  }

  #matched (name: string): string | undefined {
    for (const { pieces, target } of this.#wildcards) {
      const parts = match(pieces, name)
      if (parts === undefined) continue
      let star = 0
      return target.replaceAll('*', () => parts[star++] ?? '')
    }
    return undefined
  }
}

/** What each star matched, undefined when the name does not fit. Takes each piece at its first place, which needs no going back. */
function match (pieces: string[], name: string): string[] | undefined {
  const [first = '', ...middle] = pieces
  const last = middle.pop() ?? ''
  const end = name.length - last.length
  if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return undefined
  const parts: string[] = []
  let at = first.length
  for (const piece of middle) {
    const found = name.indexOf(piece, at)
    if (found === -1 || found + piece.length > end) return undefined
    parts.push(name.slice(at, found))
    at = found + piece.length
  }
  return [...parts, name.slice(at, end)]
}

function check (name: string, target: string): void {
  if (name === '' || typeof target !== 'string' || target === '') throw new TypeError(`Alias "${name}" must map a name to a name.`)
  if (stars(target) > stars(name)) throw new TypeError(`Alias "${name}" has fewer stars than its target "${target}".`)
}

function stars (text: string): number {
  return text.split('*').length - 1
}

function literalLength ({ pieces }: Wildcard): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}
