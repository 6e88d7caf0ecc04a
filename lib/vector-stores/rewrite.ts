import { tellingWords } from '../retrieval/analysis/query.js'

/**
 * A question as search terms (`rewrite_query`). A question without any is returned unchanged. No model is called: the request names none,
 * and a search should not wait for one.
 */
export function rewriteQuery (query: string): string {
  const terms = tellingWords(query)
  return terms.length === 0 ? query : terms.join(' ')
}
