/** Documents, and questions with the documents that answer them. */
export interface Collection {
  docs: { id: string, text: string }[]
  /** `rel` holds how relevant each document is, by its id; 0 and what is missing is not relevant. */
  queries: { id: string, text: string, rel: Record<string, number> }[]
}

/** Means over all questions that have an answer, 0 to 1. */
export interface Measures {
  questions: number
  /** How near the first ten documents are to the best possible order, by their grades (as `trec_eval` does, with linear gain). */
  ndcg: number
  /** The part of the relevant documents that is among the first ten. */
  recall: number
  /** One divided by the place of the first relevant document; 0 when it is not among the first ten. */
  mrr: number
}

/** Documents of a ranking that are looked at. */
export const DEPTH = 10

/** Measures rankings: for each question the ids of the documents found, best first, each once. */
export async function evaluate ({ queries }: Collection, search: (query: Collection['queries'][number]) => Promise<readonly string[]>): Promise<Measures> {
  const judged = queries.filter(({ rel }) => Object.values(rel).some(grade => grade > 0))
  const total = { ndcg: 0, recall: 0, mrr: 0 }
  for (const query of judged) {
    const { ndcg, recall, mrr } = measuresOf((await search(query)).slice(0, DEPTH), query.rel)
    total.ndcg += ndcg
    total.recall += recall
    total.mrr += mrr
  }
  const questions = judged.length
  return { questions, ndcg: total.ndcg / questions, recall: total.recall / questions, mrr: total.mrr / questions }
}

function measuresOf (found: readonly string[], rel: Readonly<Record<string, number>>): Omit<Measures, 'questions'> {
  const gains = found.map(id => rel[id] ?? 0)
  const grades = Object.values(rel).filter(grade => grade > 0)
  const first = gains.findIndex(gain => gain > 0)
  return {
    ndcg: discounted(gains) / discounted([...grades].sort((a, b) => b - a).slice(0, DEPTH)),
    recall: gains.filter(gain => gain > 0).length / grades.length,
    mrr: first === -1 ? 0 : 1 / (first + 1)
  }
}

const discounted = (gains: readonly number[]): number => gains.reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0)
