import type { Test } from 'tap'
import type { IndexedFile, IndexHit, IndexQuery, RetrievalIndex } from '../../../lib/retrieval/index/contract.js'
import type { Attributes } from '../../../lib/retrieval/filters.js'
import { embedText } from '../../helpers/upstream-embedding.js'

export const store = { project: 'p', storeId: 'vs_1' }
export const vector = (text: string): Float32Array => Float32Array.from(embedText(text))

let cursor = 0
export async function add (index: RetrievalIndex, fileId: string, texts: string[], { attributes = {}, model = 'm', generation = fileId, at = store, name = '' }: { attributes?: Attributes, model?: string | null, generation?: string, at?: typeof store, name?: string } = {}): Promise<void> {
  const file: IndexedFile = { fileId, name, generation, attributes, model }
  await index.addChunks(at, file, texts.map((text, number) => ({ number, text, ...model === null ? {} : { vector: vector(text) } })))
  await index.addFile(at, file, ++cursor)
}

export const found = async (index: RetrievalIndex, query: Partial<IndexQuery>): Promise<IndexHit[]> => await index.search([store], { text: '', limit: 10, ...query })
export const files = async (index: RetrievalIndex, query: Partial<IndexQuery>): Promise<string[]> => (await found(index, query)).map(({ fileId }) => fileId)

/** What holds of every index. @param open makes an empty one, closed when the test ends. */
export function indexSuite (t: Test, open: (t: Test) => Promise<RetrievalIndex>): void {
  t.test('words are found regardless of ending, case and script', async t => {
    const index = await open(t)
    await add(index, 'a', ['The quick brown foxes jumped over a fence', 'Nothing of interest'])
    await add(index, 'b', ['東京都に住んでいます', 'Die Straße nach Zürich'])
    t.match(await found(index, { text: 'FOX jumping?' }), [{ fileId: 'a', number: 0, generation: 'a' }])
    t.match(await found(index, { text: '東京' }), [{ fileId: 'b', number: 0 }])
    t.match(await found(index, { text: 'zurich' }), [{ fileId: 'b', number: 1 }])
    t.strictSame(await found(index, { text: 'elephant' }), [])
    t.strictSame(await found(index, { text: '"\'*:()-- ' }), [])
    t.match(await found(index, { text: 'fox" OR NEAR(interest' }), [{ fileId: 'a' }, { fileId: 'a' }])
  })

  t.test('a score says how much of what the query names is in the passage', async t => {
    const index = await open(t)
    for (let i = 0; i < 20; i++) await add(index, `f${i}`, [`Something else about the report on topic${i}`])
    await add(index, 'whole', ['The report says that penguins live in Antarctica.'])
    await add(index, 'part', ['Penguins are birds.'])
    const scores = new Map((await found(index, { text: 'a report on penguins in Antarctica', limit: 30 })).map(({ fileId, score }) => [fileId, score]))
    t.equal(scores.get('whole'), 1)
    t.ok(scores.get('part')! > 0.2 && scores.get('part')! < 0.6, 'one of two telling words')
    t.ok(scores.get('f1')! < 0.15, 'a word that is everywhere')
    t.equal(scores.size, 22)
    t.strictSame(await files(index, { text: 'a report on penguins in Antarctica', limit: 30, threshold: 0.7 }), ['whole'])
  })

  t.test('a word is as rare as it is in all stores that are searched', async t => {
    const index = await open(t)
    const attached = { project: 'p', storeId: 'vs_2' }
    for (let i = 0; i < 20; i++) await add(index, `f${i}`, [`The engine of type ${i} needs oil.`])
    await add(index, 'wanted', ['Engine 99 has a turbocharger that needs oil.'])
    await add(index, 'unrelated', ['Oil paintings of an engine driver.'], { at: attached })
    const hits = await index.search([attached, store], { text: 'turbocharger of the engine', limit: 5 })
    t.match(hits[0], { fileId: 'wanted', store })
    const alone = (await index.search([store], { text: 'turbocharger of the engine', limit: 1 }))[0]!.score
    t.ok(Math.abs(hits[0]!.score - alone) < 0.02, 'scores hardly depend on what else is searched')
    t.ok(hits.find(({ fileId }) => fileId === 'unrelated')!.score < 0.3)
  })

  t.test('words that only ask are not searched for, unless there are no others', async t => {
    const index = await open(t)
    await add(index, 'a', ['What is that, how is it, who are they and where will it be?'])
    await add(index, 'b', ['The lighthouse keeper lives on the island.'])
    t.strictSame(await files(index, { text: 'Where is it that the lighthouse keeper lives, and how?' }), ['b'])
    t.strictSame(await files(index, { text: 'who are they' }), ['a'])
  })

  t.test('of a long query the rarest words count', async t => {
    const index = await open(t)
    for (let i = 0; i < 30; i++) await add(index, `f${i}`, [Array.from({ length: 200 }, (_, k) => `common${k}`).join(' ')])
    await add(index, 'rare', ['A zeppelin landed.'])
    const text = Array.from({ length: 200 }, (_, k) => `common${k}`).join(' ') + ' zeppelin'
    t.equal((await files(index, { text }))[0], 'rare')
  })

  t.test('files are found by their names', async t => {
    const index = await open(t)
    await add(index, 'a', ['Revenue grew.'], { name: 'annual_report-2024.pdf' })
    await add(index, 'b', ['Costs fell.'], { name: 'minutes.docx' })
    t.strictSame(await files(index, { text: 'annual reports' }), ['a'])
    t.strictSame(await files(index, { text: 'pdf' }), [])
  })

  t.test('passages can be asked for by their place', async t => {
    const index = await open(t)
    const other = { project: 'p', storeId: 'vs_2' }
    const texts = Array.from({ length: 9 }, (_, i) => `passage ${i}`)
    await add(index, 'old', texts)
    await add(index, 'new', texts, { attributes: { kind: 'x' } })
    await add(index, 'other', ['single'], { at: other })
    const places = async (query: object, stores = [store]): Promise<string[]> => (await index.openings(stores, { limit: 4, ...query })).map(({ fileId, number, score }) => `${fileId} ${number} ${score}`)
    t.strictSame(await places({}), ['new 0 0', 'old 0 0', 'new 1 0', 'old 1 0'])
    t.strictSame(await places({}, [other, store]), ['other 0 0', 'new 0 0', 'old 0 0', 'new 1 0'])
    t.strictSame(await places({ filter: { type: 'eq', key: 'kind', value: 'x' } }), ['new 0 0', 'new 1 0', 'new 2 0', 'new 3 0'])
    t.strictSame(await places({ spread: true }), ['new 0 0', 'new 8 0', 'old 0 0', 'old 8 0'])
    t.strictSame(await places({ spread: true, limit: 50 }, [other]), ['other 0 0'])
  })

  t.test('vectors are found by closeness, those of another model not at all', async t => {
    const index = await open(t)
    await add(index, 'near', ['red apples and green pears'])
    await add(index, 'far', ['combustion engines'])
    await add(index, 'other', ['red apples and green pears'], { model: 'another' })
    await add(index, 'none', ['red apples and green pears'], { model: null })
    const hits = await found(index, { near: { model: 'm', vector: vector('green pears and red apples') } })
    t.equal(hits[0]?.fileId, 'near')
    t.ok(Math.abs(hits[0]!.score - 1) < 1e-5)
    t.notOk(hits.some(({ fileId }) => ['other', 'none'].includes(fileId)))
    await add(index, 'late', ['red apples and green pears too'])
    t.ok((await files(index, { near: { model: 'm', vector: vector('green pears and red apples') } })).includes('late'), 'also what came after they were loaded')
  })

  t.test('words and vectors together are fused by rank', async t => {
    const index = await open(t)
    await add(index, 'both', ['solar panels on the roof'])
    await add(index, 'words', ['solar'])
    await add(index, 'neither', ['cats and dogs'])
    const [first, second] = await found(index, { text: 'solar panels on the roof', near: { model: 'm', vector: vector('solar panels on the roof') } })
    t.match(first, { fileId: 'both', score: 1 })
    t.equal(second?.fileId, 'words')
    t.ok(second!.score < 0.7)
  })

  t.test('a filter leaves out files before the best are chosen', async t => {
    const index = await open(t)
    for (let i = 0; i < 3; i++) await add(index, `f${i}`, Array.from({ length: 100 }, () => 'report report report'), { attributes: { year: i } })
    await add(index, 'last', ['one report among many other words'], { attributes: { year: 999 } })
    t.strictSame(await files(index, { text: 'report', filter: { type: 'eq', key: 'year', value: 999 } }), ['last'])
    t.strictSame(await files(index, { near: { model: 'm', vector: vector('report') }, filter: { type: 'eq', key: 'year', value: 999 } }), ['last'])
    await index.addFile(store, { fileId: 'last', name: '', generation: 'last', attributes: { year: 1 }, model: 'm' }, ++cursor)
    t.strictSame(await files(index, { text: 'report', filter: { type: 'eq', key: 'year', value: 999 } }), [], 'attributes can change')
  })

  t.test('a file is searched once it is complete, until it is removed or made anew', async t => {
    const index = await open(t)
    await index.addChunks(store, { fileId: 'a', name: '', generation: 'a1', attributes: {}, model: null }, [{ number: 0, text: 'volcano' }])
    t.strictSame(await files(index, { text: 'volcano' }), [])
    t.notOk(await index.has(store, 'a1'))
    await index.addFile(store, { fileId: 'a', name: '', generation: 'a1', attributes: {}, model: null }, 7)
    t.strictSame(await files(index, { text: 'volcano' }), ['a'])
    t.ok(await index.has(store, 'a1'))
    t.equal(await index.cursor(store), 7)
    await add(index, 'a', ['volcano again'], { generation: 'a2' })
    t.match(await found(index, { text: 'volcano' }), [{ generation: 'a2' }])
    await index.removeFile(store, 'a')
    t.strictSame(await files(index, { text: 'volcano' }), [])
  })

  t.test('chunks may be in the index before their file is complete, and taken out again', async t => {
    const index = await open(t)
    await add(index, 'a', ['volcano'], { generation: 'a1' })
    const next: IndexedFile = { fileId: 'a', name: '', generation: 'a2', attributes: {}, model: null }
    await index.addChunks(store, next, [{ number: 0, text: 'glacier' }, { number: 1, text: 'glacier again' }])
    t.strictSame([await index.has(store, 'a2'), await index.has(store, 'a2', 3), await index.has(store, 'a2', 2)], [false, false, true])
    t.match([await found(index, { text: 'volcano' }), await found(index, { text: 'glacier' })], [[{ generation: 'a1' }], { length: 0 }])
    await index.removeGeneration(store, 'a2')
    t.notOk(await index.has(store, 'a2', 2))
    t.strictSame(await files(index, { text: 'volcano' }), ['a'])
  })

  t.test('stores do not see one another, and a dropped one is forgotten', async t => {
    const index = await open(t)
    const other = { project: 'q', storeId: 'vs_1' }
    await add(index, 'a', ['harbour'])
    await add(index, 'b', ['harbour'], { at: other })
    t.strictSame(await files(index, { text: 'harbour' }), ['a'])
    t.strictSame(await index.stores(), [store, other])
    await index.drop(store)
    t.strictSame(await files(index, { text: 'harbour' }), [])
    t.strictSame(await index.stores(), [other])
    t.equal(await index.cursor(store), 0)
  })
}
