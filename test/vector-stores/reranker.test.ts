import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import type { RerankerOptions } from '../../lib/retrieval/reranker.js'
import { ManualClock } from '../helpers/clock.js'
import { indexed, startWorld, upload } from './helpers/world.js'

interface RerankServer {
  url: string
  requests: { path: string | undefined, key: string | undefined, body: any }[]
}

/** Rates a text by its length, in the form of one API or the other; or answers with a status. */
async function rerankServer (t: Test, status = 200): Promise<RerankServer> {
  const requests: RerankServer['requests'] = []
  const server = createServer((request, response) => {
    json(request).then((body: any) => {
      requests.push({ path: request.url, key: request.headers.authorization, body })
      const rated = (body.texts ?? body.documents).map((text: string, index: number) => ({ index, score: text.length / 100 })).reverse()
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body.texts === undefined ? { results: rated.map(({ index, score }: any) => ({ index, relevance_score: score })) } : rated))
    }, error => response.destroy(error))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

async function searching (t: Test, reranker: RerankerOptions) {
  const world = await startWorld(t, { clock: new ManualClock(), retrieval: { embeddings: 'none', reranker } })
  const { id: store } = await world.vectorStores.stores.create({})
  for (const [name, content] of Object.entries({ 'short.md': 'Penguins swim.', 'long.md': 'Penguins are birds that cannot fly.', 'other.md': 'Bread.' })) {
    const file = await upload(world, name, content)
    await world.vectorStores.files.create(store, { file_id: file })
    await indexed(world, store, file)
  }
  return async (more: object = {}) => (await world.vectorStores.search(store, { query: 'penguins swim', ...more }, new AbortController().signal)).data.map(({ filename, score }) => [filename, score])
}

test('a reranker gives the order and the scores of what was found', async t => {
  for (const api of ['cohere', 'tei'] as const) {
    const { url, requests } = await rerankServer(t)
    const search = await searching(t, { baseURL: url, api, model: 'rerank-1', apiKey: 'key-of-reranker' })
    t.strictSame(await search(), [['long.md', 0.35], ['short.md', 0.14], ['other.md', 0]], 'what does not match follows with 0')
    t.match(requests, [{ path: '/rerank', key: 'Bearer key-of-reranker', body: { query: 'penguins swim', [api === 'tei' ? 'texts' : 'documents']: ['Penguins swim.', 'Penguins are birds that cannot fly.'] } }])
    t.strictSame(await search({ ranking_options: { score_threshold: 0.2 } }), [['long.md', 0.35]])
    t.match(await search({ ranking_options: { ranker: 'none' } }), [['short.md', 1], ['long.md'], ['other.md', 0]], 'unless the search does without it')
    t.equal(requests.length, 2)
  }
})

test('a reranker that fails leaves the results as they are', async t => {
  const { url, requests } = await rerankServer(t, 500)
  const search = await searching(t, { baseURL: url })
  t.match(await search(), [['short.md', 1], ['long.md'], ['other.md', 0]])
  t.equal(requests.length, 1)
})

test('a reranker without a proper address is refused at start', async t => {
  await t.rejects(searching(t, { baseURL: 'localhost' }), { message: 'Option "retrieval.reranker.baseURL" must be an http(s) URL.' })
  await t.rejects(searching(t, { baseURL: 'http://localhost', api: 'other' as 'tei' }), { message: 'Option "retrieval.reranker.api" must be \'cohere\' or \'tei\'.' })
})
