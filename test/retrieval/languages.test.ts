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

/** The place of the first of these passages that a query finds among others. */
function first (text: string, passages: readonly string[]): string | undefined {
  const index = indexOf([{ language: 'x', passages: [...passages, 'Penguins live in Antarctica and eat fish.', 'Bread is baked at night.'], questions: [] }])
  const [hit] = index.search([store], { text, limit: 3 })
  index.close()
  return hit === undefined || hit.score < 0.3 ? undefined : hit.fileId
}

test('words of languages without a stemmer are found by other endings', async t => {
  const samples: [passage: string, ...queries: string[]][] = [
    ['Mieszkania w Warszawie są coraz droższe dla studentów, ale nie dla wszystkich.', 'Warszawa', 'mieszkanie', 'student'],
    ['Smlouva o pronájmu bytu v Praze byla podepsána včera a platí pro rok.', 'pronájem', 'byt', 'smlouvy'],
    ['Zmluva o prenájme bytu v Bratislave bola podpísaná v stredu.', 'zmluvy', 'prenájom', 'byt'],
    ['Pogodba o najemu stanovanja v Ljubljani je bila podpisana.', 'Ljubljana', 'pogodbe'],
    ['విద్యార్థులు గ్రంథాలయంలో పుస్తకాలు చదువుతారు.', 'పుస్తకం'],
    ['Договір оренди квартири у Києві підписали вчора, бо так було треба.', 'договору']
  ]
  for (const [passage, ...queries] of samples) for (const query of queries) t.equal(first(query, [passage]), 'x 0', query)
  t.equal(first('contract', ['The contrast of the picture is high, as the painter wanted it to be.']), undefined, 'other words of English')
})

test('a part in the midst of a compound finds it', async t => {
  t.equal(first('Versicherung', ['Die Krankenversicherungsbeiträge werden in jedem Jahr angepasst.']), 'x 0')
})

test('English is found in the other spelling, and by irregular plurals', async t => {
  const passage = 'The mice and geese ran; children bought knives. The colour of the analysed data centre was organised.'
  for (const query of ['mouse', 'goose', 'child', 'knife', 'color', 'analyzed', 'center', 'organize']) t.equal(first(query, [passage]), 'x 0', query)
  for (const query of ['colour', 'analysing', 'theatre']) t.equal(first(query, ['The color that was analyzed in the theater.']), 'x 0', query)
})

test('abbreviations, numbers of articles and versions are found however their parts are joined', async t => {
  const samples: [passage: string, ...queries: string[]][] = [
    ['The U.S.A. and the U.K. signed it.', 'USA', 'UK', 'U.S.A.'],
    ['The part number is AB-1234-X.', 'AB1234X', 'AB-1234-X', 'AB 1234'],
    ['Install Python3 and Node20 first.', 'python', 'Python 3', 'Python3', 'node'],
    ['Install Python 3 first.', 'Python3'],
    ['The total is 4,800 EUR, 1.234.567,50 in words.', '4800', '4,800', '4.800', '1234567', '1,234,567'],
    ['The model NATO exercise in USA.', 'U.S.A.', 'N.A.T.O.']
  ]
  for (const [passage, ...queries] of samples) for (const query of queries) t.equal(first(query, [passage]), 'x 0', query)
})
