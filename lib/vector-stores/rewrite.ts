/** Words of English that ask, rather than say what about. */
const ASKING = new Set(('a an and any are as at be been by can could did do does for from had has have how i if in into is it its me my of on or our please shall should ' +
  'show so tell than that the their them then there these they this those to us was we were what when where which who whom whose why will with would you your').split(' '))

/**
 * A question as search words (`rewrite_query`). What consists of asking words alone stays as it is. No model is asked: the request names none, and
 * a search is not to wait for one.
 */
export function rewriteQuery (query: string): string {
  const words = query.match(/[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’_-]*/gu) ?? []
  const telling = words.filter(word => !ASKING.has(word.toLowerCase()))
  return telling.length === 0 ? query : telling.join(' ')
}
