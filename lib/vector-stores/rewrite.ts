/** English words of a question that do not name its subject. */
const STOP_WORDS = new Set(('a an and any are as at be been by can could did do does for from had has have how i if in into is it its me my of on or our please shall should ' +
  'show so tell than that the their them then there these they this those to us was we were what when where which who whom whose why will with would you your').split(' '))

/**
 * A question as search terms (`rewrite_query`). A question without any is returned unchanged. No model is called: the request names none,
 * and a search should not wait for one.
 */
export function rewriteQuery (query: string): string {
  const words = query.match(/[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’_-]*/gu) ?? []
  const terms = words.filter(word => !STOP_WORDS.has(word.toLowerCase()))
  return terms.length === 0 ? query : terms.join(' ')
}
