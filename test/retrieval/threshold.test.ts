import { test } from 'tap'
import { documents, questions } from '../../bench/data/corpus.js'
import { IndexDatabase } from '../../lib/retrieval/index/index-database.js'

/** About nothing that the documents are about. */
const ELSEWHERE = [
  'how do I bake sourdough bread', 'which vitamins are in spinach', 'who composed the four seasons', 'what are the symptoms of influenza', 'how does photosynthesis work', 'what is the capital of Mongolia',
  'how do bees make honey', 'which painters were impressionists', 'how is a mortgage repaid', 'wer hat den Buchdruck erfunden', 'quelles langues parle-t-on en Suisse', '什么是人工智能'
]

test('a threshold of 0.3 keeps answers, and leaves out what questions on other subjects find', async t => {
  const index = new IndexDatabase({ path: ':memory:', identity: 'threshold', maxVectorBytes: 0 })
  const store = { project: 'p', storeId: 'vs_1' }
  for (const [i, { id, text }] of documents.entries()) {
    const file = { fileId: id, name: `${i}.txt`, generation: id, attributes: {}, model: null }
    index.addChunks(store, file, [{ number: 0, text }])
    index.addFile(store, file, i + 1)
  }
  // A third of the corpus' questions is worded unlike its documents, which words alone cannot bridge.
  const fair = questions.filter(({ text }) => !text.startsWith('Which machine by'))
  const answers = fair.flatMap(({ text, answer }) => index.search([store], { text, limit: 10 }).filter(({ fileId }) => fileId === answer))
  t.ok(answers.length > fair.length * 0.9)
  const kept = answers.filter(({ score }) => score >= 0.3).length / answers.length
  t.ok(kept >= 0.8, `keeps ${kept}`)
  const strangers = ELSEWHERE.flatMap(text => index.search([store], { text, limit: 10 }))
  const gone = strangers.length === 0 ? 1 : strangers.filter(({ score }) => score < 0.3).length / strangers.length
  t.ok(gone >= 0.8, `leaves out ${gone} of ${strangers.length}`)
  index.close()
})
