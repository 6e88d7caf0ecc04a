/**
 * A file that is completed is found at that moment, however large it is, on each store and on each instance.
 *
 *     npm run test:soak
 */
import { test } from 'tap'
import { startServer } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'

const BYTES = 15 * 1024 * 1024
/** How long a search on the instance that has indexed the file may take: it has nothing to catch up with. */
const SEARCH_MS = 5000
const WORDS = ['harbour', 'lantern', 'meadow', 'granite', 'whistle', 'copper', 'orchard', 'thimble', 'saddle', 'blanket', 'compass', 'kettle', 'ladder', 'mirror', 'needle', 'pepper']
/** Words that are in the file once, by the part of it that is before them. */
const MARKS: readonly (readonly [word: string, at: number])[] = [['zinnober', 0], ['quokka', 0.5], ['xylograph', 1]]

function largeText (): string {
  const lines: string[] = []
  let length = 0
  const marks = [...MARKS]
  for (let i = 0; length < BYTES; i++) {
    const words = Array.from({ length: 12 }, (_, k) => WORDS[(i * 7 + k * k) % WORDS.length]!)
    if (marks[0] !== undefined && length >= marks[0][1] * BYTES) words.push(marks.shift()![0])
    lines.push(`Entry ${i}: ${words.join(' ')}.`)
    length += lines.at(-1)!.length + 1
  }
  return [...lines, ...marks.map(([word]) => `The end: ${word}.`)].join('\n')
}

const memory = { name: 'memory', skip: async (): Promise<false> => false, url: () => 'memory:' }

for (const { name, skip, url } of [memory, ...persistentStores]) {
  const reason = await skip()
  test(`a text of 15 MB is searchable the moment it is completed: ${name}`, { skip: reason === false ? false : reason }, async t => {
    const storage = url(t)
    const servers = [await startServer(t, { storage, retrieval: { embeddings: 'none' } })]
    if (name === 'redis' || name === 'postgres') servers.push(await startServer(t, { storage, retrieval: { embeddings: 'none' } }))
    const [server] = servers as [typeof servers[number]]
    const form = new FormData()
    form.set('purpose', 'assistants')
    form.set('file', new File([largeText()], 'large.txt'))
    const { id: fileId } = await (await fetch(`${server.baseURL}/files`, { method: 'POST', body: form })).json() as { id: string }
    const { body: { id: store } } = await server.post('/vector_stores', { file_ids: [fileId] })
    const began = performance.now()
    let status: string
    do ({ body: { status } } = await server.get(`/vector_stores/${store}/files/${fileId}`)); while (status === 'in_progress')
    t.equal(status, 'completed', `after ${Math.round(performance.now() - began)} ms`)
    const times = await Promise.all(servers.map(async (asked, i) => {
      const from = performance.now()
      const answers = await Promise.all(MARKS.map(async ([word]) => await asked.post(`/vector_stores/${store}/search`, { query: word, max_num_results: 1 })))
      for (const [k, [word]] of MARKS.entries()) {
        t.match(answers[k], { status: 200, body: { data: [{ file_id: fileId, content: [{ text: new RegExp(word) }] }] } }, `${word}, instance ${i}`)
      }
      return Math.round(performance.now() - from)
    }))
    // One that has not indexed the file reads it first.
    t.ok(Math.min(...times) < SEARCH_MS, `searches took ${times.join(' and ')} ms`)
  })
}
