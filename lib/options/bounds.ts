/** Numbers from zero on, each with its default. */
export function bounds<T extends object> (option: string, defaults: T, given: Partial<T> = {}): T {
  const known: Record<string, unknown> = { ...defaults as Record<string, unknown> }
  for (const [name, value] of Object.entries(given)) {
    if (!(name in known)) throw new TypeError(`Option "${option}.${name}" does not exist.`)
    if (value === undefined) continue
    if (typeof value !== 'number' || !(value >= 0)) throw new TypeError(`Option "${option}.${name}" must be a number, 0 or more.`)
    known[name] = value
  }
  return known as T
}
