const STRUCTURE = /["{}[\],]/g

/**
 * The text of a JSON object with some members set and some removed. All others stay as they were written, to the last
 * digit of a number that JavaScript cannot hold. `text` must be valid.
 */
export function editObject (text: string, set: Record<string, unknown>, remove: readonly string[] = []): string {
  const members = membersOf(text)
  for (const [key, value] of Object.entries(set)) members.set(key, JSON.stringify(value))
  for (const key of remove) members.delete(key)
  return `{${Array.from(members, ([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
}

/** Each member's value as text. Of members with the same name the last counts, as for `JSON.parse`. */
function membersOf (text: string): Map<string, string> {
  const members = new Map<string, string>()
  let at = text.indexOf('{')
  for (;;) {
    const keyStart = text.indexOf('"', at + 1)
    if (keyStart === -1) return members
    const keyEnd = stringEnd(text, keyStart)
    const valueStart = text.indexOf(':', keyEnd) + 1
    at = valueEnd(text, valueStart)
    members.set(JSON.parse(text.slice(keyStart, keyEnd)) as string, text.slice(valueStart, at).trim())
  }
}

/** Where the comma or the brace behind a value is. */
function valueEnd (text: string, from: number): number {
  let depth = 0
  STRUCTURE.lastIndex = from
  for (let match = STRUCTURE.exec(text); match !== null; match = STRUCTURE.exec(text)) {
    const [sign] = match
    if (sign === '"') STRUCTURE.lastIndex = stringEnd(text, match.index)
    else if (sign === '{' || sign === '[') depth++
    else if (depth === 0) return match.index
    else if (sign !== ',') depth--
  }
  return text.length
}

/** The place behind the closing quote. */
function stringEnd (text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text[end - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return end + 1
  }
}
