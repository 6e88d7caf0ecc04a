const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const number = new Intl.NumberFormat()

/** A point in time, in unix seconds; of today only the time. */
export function when (seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–'
  const date = new Date(seconds * 1000)
  return (date.toDateString() === new Date().toDateString() ? time : dateTime).format(date)
}

export const count = (value: number | null | undefined): string => value === null || value === undefined ? '–' : number.format(value)

/** Small amounts keep the digits that matter. */
export const dollars = (value: number): string => `$${value.toLocaleString(undefined, { maximumFractionDigits: value < 1 ? 4 : 2 })}`

/** A span in whole seconds, as the API has them: of none it is known that it was shorter than one. */
export function span (seconds: number): string {
  if (seconds < 1) return '< 1 s'
  if (seconds < 60) return `${seconds} s`
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

export function bytes (size: number): string {
  if (size < 1024) return `${size} B`
  const power = Math.min(3, Math.floor(Math.log(size) / Math.log(1024)))
  return `${(size / 1024 ** power).toFixed(1)} ${['B', 'kB', 'MB', 'GB'][power]!}`
}

export const pretty = (value: unknown): string => JSON.stringify(value, null, 2)

/** JSON in a string indented, anything else as it is. */
export function prettyText (text: string): string {
  try {
    return pretty(JSON.parse(text))
  } catch {
    return text
  }
}

export const short = (id: string): string => id.length > 18 ? `${id.slice(0, 13)}…${id.slice(-4)}` : id

/** Line ends and other controls, and what turns the order of letters around: a name with them can look like another one. */
const UNSEEN = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu

/** What an object is called: by its name, or by its id where that would not be seen. */
export const nameOr = (name: string | null | undefined, id: string): string => name === null || name === undefined || name.trim() === '' ? id : name.replace(UNSEEN, '\ufffd')

/** `gets the words "in_progress" right`: as a person writes it. */
export const words = (status: string): string => status.replaceAll('_', ' ')
