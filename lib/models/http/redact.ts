/** Longer texts are cut: an HTML error page is of no use to a client. */
const LONGEST_MESSAGE = 1000
/** What the patterns below are run over, so that their cost is bounded too. */
const LONGEST_INPUT = 8_192

const CONTROL_CHARACTERS = /[\p{Cc}\s]+/gu
const KEYS = /\b(?:sk|pk|rk|gsk|xai|hf)[-_][\w*.-]{6,}|\bAIza[\w-]{20,}|\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi
const URLS = /\b(?:https?|wss?):\/\/[^\s"'<>()]+/gi
const PRIVATE_ADDRESSES = /(?<![\w.])(?:localhost|(?:127|10)(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|\[(?=[^\]]*:[^\]]*:)[\da-f:.]+\])(?::\d{1,5})?(?!\w)/gi
const PUBLIC_NAME = /\.(?!local$|internal$|localdomain$|lan$|home$|svc$|test$)[a-z]{2,}$/i

export interface Secrets {
  /** Removed wherever they appear. */
  values: string[]
  /** The host (with its port) that requests go to; removed unless it has a public name. Empty without one. */
  host: string
}

/** A vendor's words made fit for the API's user: no keys, no addresses of private hosts, one line, not too long. */
export function publicText (text: string, { values, host }: Secrets): string {
  let clean = text.slice(0, LONGEST_INPUT)
  for (const value of values) {
    if (value.length >= 4) clean = clean.replaceAll(value, '***')
  }
  clean = clean.replace(KEYS, '***').replace(URLS, url => isPublic(url) ? url : '[address]').replace(PRIVATE_ADDRESSES, '[address]')
  if (host !== '' && !isPublic(`http://${host}`)) clean = clean.replaceAll(host, '[address]')
  clean = clean.replace(CONTROL_CHARACTERS, ' ').trim()
  return clean.length > LONGEST_MESSAGE ? clean.slice(0, LONGEST_MESSAGE - 3) + '...' : clean
}

function isPublic (url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname, username } = new URL(url)
  return username === '' && PUBLIC_NAME.test(hostname)
}
