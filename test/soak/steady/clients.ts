import { get, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

export interface Counts {
  runs: number
  /** What was not as it should be, the first few. */
  findings: string[]
}

export interface Clients {
  baseURL: string
  assistantId: string
  counts: Counts
  stop: AbortSignal
  /** Whether a thread is deleted when its run has ended. */
  deletes: boolean
}

const MOST_FINDINGS = 20
/** Between two pieces of a reader that is slow. */
const SLOW_MS = 400

export async function call (baseURL: string, path: string, body: object): Promise<any> {
  const answer = await fetch(baseURL + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`)
  return await answer.json()
}

/** Posts, and reads the stream to its end, pausing after each piece. Returns its text. */
async function stream (url: string, body: object, pauseMs: number): Promise<string> {
  const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } })
  sent.end(JSON.stringify(body))
  const [answer] = await once(sent, 'response') as [IncomingMessage]
  let text = ''
  for await (const piece of answer) {
    text = (text + String(piece)).slice(-20_000)
    if (pauseMs > 0) await pause(pauseMs)
  }
  if (answer.statusCode !== 200) throw new Error(`POST ${url}: ${answer.statusCode} ${text}`)
  return text
}

async function deleteThread (baseURL: string, id: string): Promise<void> {
  const answer = await fetch(`${baseURL}/threads/${id}`, { method: 'DELETE' })
  if (answer.status !== 200) throw new Error(`DELETE /threads/${id}: ${answer.status} ${await answer.text()}`)
  await answer.body?.cancel()
}

/** The thread of a stream's run. */
const threadOf = (text: string): string => /"thread_id":"(\w+)"/.exec(text)?.[1] ?? ''

/** A thread and its run, again and again, until the signal is aborted. */
async function repeat (clients: Clients, once: (clients: Clients) => Promise<string>): Promise<void> {
  const { counts, stop, baseURL, deletes } = clients
  while (!stop.aborted) {
    try {
      const threadId = await once(clients)
      if (deletes) await deleteThread(baseURL, threadId)
      counts.runs++
    } catch (error) {
      if (counts.findings.length < MOST_FINDINGS) counts.findings.push(String(error))
      await pause(1000)
    }
  }
}

const newRun = (assistantId: string, content: string): object => ({ assistant_id: assistantId, stream: true, thread: { messages: [{ role: 'user', content }] } })

/** @returns the thread of the run. */
function expectEnd (text: string): string {
  if (!text.includes('event: thread.run.completed\n') || !text.endsWith('data: [DONE]\n\n')) throw new Error(`a stream ended with ${text.slice(-300)}`)
  return threadOf(text)
}

// Each returns the thread that it has made.

const reads = async ({ baseURL, assistantId }: Clients): Promise<string> => expectEnd(await stream(`${baseURL}/threads/runs`, newRun(assistantId, 'say'), 0))

const readsSlowly = async ({ baseURL, assistantId }: Clients): Promise<string> => expectEnd(await stream(`${baseURL}/threads/runs`, newRun(assistantId, 'long'), SLOW_MS))

async function answersTools ({ baseURL, assistantId }: Clients): Promise<string> {
  const first = await stream(`${baseURL}/threads/runs`, newRun(assistantId, 'ask'), 0)
  const data = /event: thread\.run\.requires_action\ndata: (.+)\n/.exec(first)?.[1]
  if (data === undefined) throw new Error(`a run asked for nothing: ${first.slice(-300)}`)
  const run = JSON.parse(data)
  const [{ id }] = run.required_action.submit_tool_outputs.tool_calls
  return expectEnd(await stream(`${baseURL}/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { stream: true, tool_outputs: [{ tool_call_id: id, output: 'noted' }] }, 0))
}

/** Joins a stream and leaves it in its midst. */
async function leaves ({ baseURL, assistantId }: Clients): Promise<string> {
  const run = await call(baseURL, '/threads/runs', { assistant_id: assistantId, thread: { messages: [{ role: 'user', content: 'say' }] } })
  const sent = get(`${baseURL}/threads/${run.thread_id}/runs/${run.id}/stream`)
  const [answer] = await once(sent, 'response') as [IncomingMessage]
  await once(answer, 'data')
  sent.on('error', () => {}).destroy()
  await pause(2000)
  return run.thread_id
}

/** Three hundred at once: readers, readers that are slow, tool loops, and readers that leave. Resolves when all have stopped. */
export async function work (clients: Clients): Promise<void> {
  const shares: [number, (clients: Clients) => Promise<string>][] = [[180, reads], [40, readsSlowly], [60, answersTools], [20, leaves]]
  await Promise.all(shares.flatMap(([count, once]) => Array.from({ length: count }, async () => { await repeat(clients, once) })))
}
