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

async function send (method: string, path: string, body?: object): Promise<Response> {
  const response = await fetch(baseURL + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...body === undefined ? {} : { 'content-type': 'application/json' } },
    ...body === undefined ? {} : { body: JSON.stringify(body) }
  })
  if (response.status !== 200) throw new Error(`the neighbour's ${method} ${path}: ${response.status} ${await response.text()}`)
  return response
}

async function call (method: string, path: string, body?: object): Promise<any> {
  return await (await send(method, path, body)).json()
}

const assistant = await call('POST', '/assistants', { model: 'echo' })
const thread = await call('POST', '/threads', {})
const store = await call('POST', '/vector_stores', { name: 'of the neighbour' })

const requests: Record<keyof Latencies, () => Promise<unknown>> = {
  health: async () => await call('GET', '/health'),
  message: async () => await call('POST', `/threads/${thread.id}/messages`, { role: 'user', content: 'Good morning.' }),
  search: async () => await call('POST', `/vector_stores/${store.id}/search`, { query: 'good morning' }),
  async run () {
    const body = { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Good morning.' }] }, stream: true }
    const events = await (await send('POST', '/threads/runs', body)).text()
    if (!events.includes('event: thread.run.completed\n')) throw new Error(`the neighbour's run did not complete: ${events.slice(-500)}`)
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
      // The rate of this load, not a wait for something: without it the neighbour itself would be the load that is measured.
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
