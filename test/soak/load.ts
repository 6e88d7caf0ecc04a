import { setTimeout as pause } from 'node:timers/promises'

/** What the server has acknowledged: it must be there whatever happens to the process. */
export interface Acknowledged {
  threads: Map<string, ThreadFacts>
}

export interface ThreadFacts {
  /** Texts of messages that were answered with a 200, in order. */
  messages: string[]
  /** Texts that were sent; those without an answer may be there or not, but not twice. */
  sent: string[]
  /** Runs that were answered with a 200, and the last status that was told. */
  runs: Map<string, string>
}

export const ENDED = ['completed', 'failed', 'cancelled', 'expired', 'incomplete']

export interface Target {
  baseURL: string
}

/** A request to a server that may die at any moment: undefined when it did. */
export async function ask (baseURL: string, method: string, path: string, body?: object): Promise<{ status: number, body: any } | undefined> {
  try {
    const response = await fetch(baseURL + path, {
      method,
      ...body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
      signal: AbortSignal.timeout(30_000)
    })
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
  } catch {
    return undefined
  }
}

/**
 * A client that goes on until it is told to stop or meets no answer: threads with messages and runs, plain and streamed, some
 * of which ask for outputs and some of which are cancelled.
 */
export async function work (acknowledged: Acknowledged, assistantId: string, pick: () => string, random: () => number, stop: AbortSignal): Promise<void> {
  for (let count = 0; !stop.aborted; count++) {
    const created = await ask(pick(), 'POST', '/threads', {})
    if (created?.status !== 200) return
    const facts: ThreadFacts = { messages: [], sent: [], runs: new Map() }
    acknowledged.threads.set(created.body.id, facts)
    for (let turn = 0; turn < 3 && !stop.aborted; turn++) {
      if (!await talk(created.body.id, facts, assistantId, pick, random, stop)) return
    }
  }
}

async function talk (threadId: string, facts: ThreadFacts, assistantId: string, pick: () => string, random: () => number, stop: AbortSignal): Promise<boolean> {
  const text = `${random() < 0.3 ? 'ask' : 'say'} ${threadId} ${facts.sent.length}`
  facts.sent.push(text)
  const message = await ask(pick(), 'POST', `/threads/${threadId}/messages`, { role: 'user', content: text })
  if (message?.status !== 200) return message !== undefined
  facts.messages.push(text)
  const stream = random() < 0.5
  const run = await ask(pick(), 'POST', `/threads/${threadId}/runs`, { assistant_id: assistantId, stream })
  if (run === undefined || run.status !== 200) return run !== undefined
  const id = stream ? /"id":"(run_\w+)"/.exec(run.body)?.[1] : run.body.id as string
  if (id === undefined) return false
  if (!facts.runs.has(id)) facts.runs.set(id, 'queued')
  if (random() < 0.1) await ask(pick(), 'POST', `/threads/${threadId}/runs/${id}/cancel`)
  return await toItsEnd(threadId, facts, id, pick, stop)
}

/** Polls a run and answers what it asks for. Whether the server was there all the time. */
export async function toItsEnd (threadId: string, facts: ThreadFacts, id: string, pick: () => string, stop?: AbortSignal): Promise<boolean> {
  while (stop?.aborted !== true) {
    const now = await ask(pick(), 'GET', `/threads/${threadId}/runs/${id}`)
    if (now?.status !== 200) return false
    facts.runs.set(id, now.body.status)
    if (ENDED.includes(now.body.status)) return true
    if (now.body.status === 'requires_action') {
      const outputs = now.body.required_action.submit_tool_outputs.tool_calls.map((call: any) => ({ tool_call_id: call.id, output: 'noted' }))
      await ask(pick(), 'POST', `/threads/${threadId}/runs/${id}/submit_tool_outputs`, { tool_outputs: outputs })
    }
    // A client's own pace, so that the load is one of runs and not of polls.
    await pause(25)
  }
  return true
}
