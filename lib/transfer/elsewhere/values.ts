export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the API keeps with an object. */
const MOST_PAIRS = 16
const KEY_LENGTH = 64
const VALUE_LENGTH = 512

/** Pairs of any values as metadata: what is no text becomes JSON, what does not fit is left out. */
export function asMetadata (given: unknown): Record<string, string> {
  if (!isObject(given)) return {}
  const pairs = Object.entries(given)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]): [string, string] => [key, typeof value === 'string' ? value : JSON.stringify(value)])
    .filter(([key, value]) => key.length <= KEY_LENGTH && value.length <= VALUE_LENGTH)
  return Object.fromEntries(pairs.slice(0, MOST_PAIRS))
}

/** From here on a number counts milliseconds: as seconds it would be the year 5138. */
const MILLISECONDS_FROM = 1e11
const ZONE = /(?:z|[+-]\d\d:?\d\d)$/i

/**
 * A time as Unix seconds: seconds or milliseconds, as a number or as digits, or a date with its time. Undefined for anything else.
 *
 * @param zone of dates that name none: `Z`, `+08:00`.
 */
export function asSeconds (given: unknown, zone = 'Z'): number | undefined {
  if (typeof given === 'string') {
    if (/^\d+$/.test(given)) return asSeconds(Number(given))
    const text = given.trim().replace(' ', 'T')
    const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(ZONE.test(text) ? text : text + zone) : NaN
    return time >= 0 ? Math.floor(time / 1000) : undefined
  }
  if (typeof given !== 'number' || !Number.isFinite(given) || given < 0) return undefined
  return Math.floor(given >= MILLISECONDS_FROM ? given / 1000 : given)
}

/** The parsed value of a JSON text, or the input unchanged if it is not valid JSON. */
export function parsed (given: unknown): unknown {
  if (typeof given !== 'string' || !/^\s*[[{"]/.test(given)) return given
  try {
    return JSON.parse(given)
  } catch {
    return given
  }
}
