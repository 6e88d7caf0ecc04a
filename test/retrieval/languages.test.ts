import { test } from 'tap'
import { IndexDatabase } from '../../lib/retrieval/index/index-database.js'
import { LANGUAGE_SAMPLES } from '../data/languages.js'

const store = { project: 'p', storeId: 'vs_1' }

/** An index of all samples, or of one. */
function indexOf (samples: typeof LANGUAGE_SAMPLES): IndexDatabase {
  const index = new IndexDatabase({ path: ':memory:', identity: 'languages', maxVectorBytes: 0 })
  let cursor = 0
  for (const { language, passages } of samples) {
    for (const [i, text] of passages.entries()) {
      const id = `${language} ${i}`
      const file = { fileId: id, name: `${cursor}.txt`, generation: id, attributes: {}, model: null }
      index.addChunks(store, file, [{ number: 0, text }])
      index.addFile(store, file, ++cursor)
    }
  }
  return index
}

for (const sample of LANGUAGE_SAMPLES) {
  test(`${sample.language}: a question in other forms of its words finds its passage`, async t => {
    const index = indexOf([sample])
    for (const [text, passage] of sample.questions) t.equal(index.search([store], { text, limit: 10 })[0]?.fileId, `${sample.language} ${passage}`, text)
    index.close()
  })
}

test('languages in one store do not hide one another', async t => {
  const index = indexOf(LANGUAGE_SAMPLES)
  for (const { language, questions } of LANGUAGE_SAMPLES) {
    for (const [text, passage] of questions) t.ok(index.search([store], { text, limit: 3 }).some(({ fileId }) => fileId === `${language} ${passage}`), text)
  }
  index.close()
})
