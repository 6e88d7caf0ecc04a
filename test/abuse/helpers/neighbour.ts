/** Another tenant, in a thread of its own so that no attack delays its clock: it goes on with its small requests until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads'

export interface NeighbourData {
  baseURL: string
  key: string
}

/** Milliseconds of each request, by what it was. */
export type Latencies = Record<'health' | 'message' | 'run' | 'search', number[]>

/** At least so many of each, however short the attack is. */
const FEWEST = 12

const { baseURL, key } = workerData as NeighbourData
const port = parentPort!
/** Aborted when the attack is over. */
let over = new AbortController()

async function call (method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(baseURL + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...body === undefined ? {} : { 'content-type': 'application/json' } },
    ...body === undefined ? {} : { body: JSON.stringify(body) }
  })
  const answer: any = await response.json()
  if (response.status !== 200) throw new Error(`the neighbour's ${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}

const assistant = await call('POST', '/assistants', { model: 'echo' })
const thread = await call('POST', '/threads', {})
const store = await call('POST', '/vector_stores', { name: 'of the neighbour' })

const requests: Record<keyof Latencies, () => Promise<unknown>> = {
  health: async () => await call('GET', '/health'),
  message: async () => await call('POST', `/threads/${thread.id}/messages`, { role: 'user', content: 'Good morning.' }),
  search: async () => await call('POST', `/vector_stores/${store.id}/search`, { query: 'good morning' }),
  async run () {
    const run = await call('POST', '/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Good morning.' }] } })
    for (let status = run.status; status !== 'completed';) {
      if (status === 'failed') throw new Error('the neighbour\'s run failed')
      status = (await call('GET', `/threads/${run.thread_id}/runs/${run.id}`)).status
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
}

async function observe (): Promise<Latencies> {
  const { signal } = over
  const latencies: Latencies = { health: [], message: [], run: [], search: [] }
  await Promise.all(Object.entries(requests).map(async ([name, request]) => {
    const list = latencies[name as keyof Latencies]
    while (!signal.aborted || list.length < FEWEST) {
      const from = performance.now()
      await request()
      list.push(performance.now() - from)
      // As a person would, and so that this thread is not the load.
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }))
  return latencies
}

port.on('message', (message: 'observe' | 'stop') => {
  if (message === 'stop') return over.abort()
  over = new AbortController()
  observe().then(latencies => port.postMessage(latencies), (error: unknown) => { throw error })
})
port.postMessage('ready')
