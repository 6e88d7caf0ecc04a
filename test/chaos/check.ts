import { setTimeout as pause } from 'node:timers/promises'
import type OpenAI from 'openai'
import { outputsOf } from './load.js'
import { ENDED, type Model, type ThreadFacts } from './model.js'
import { unique } from './wire.js'

const LOOK_MS = 25

/**
 * Brings all that the clients left to its end, by what any client can do: asks for it, and answers what runs ask for. Then looks whether
 * what was acknowledged is there, once. Findings go to the model.
 *
 * @param deadline of `performance.now()`: what is unfinished then is stuck.
 */
export async function check (client: OpenAI, model: Model, storeId: string, deadline: number): Promise<void> {
  const attempt = async (what: string, look: () => Promise<void>): Promise<void> => {
    // Whatever the answer is, the fault is over.
    await look().catch((error: any) => model.found(error.status === 404 ? 'lost' : 'amiss', `${what}: ${String(error)}`))
  }
  await Promise.all([
    ...[...model.threads].map(async ([id, facts]) => { await attempt(id, async () => await checkThread(client, model, id, facts, deadline)) }),
    attempt('the vector store', async () => await checkFiles(client, model, storeId, deadline))
  ])
}

async function checkThread (client: OpenAI, model: Model, id: string, facts: ThreadFacts, deadline: number): Promise<void> {
  const { runs: api, messages: messageApi } = client.beta.threads
  const last = `last ${unique()}`
  facts.sent.add(last)
  let runs: any[]
  for (;;) {
    // Asked for anew each time: a request whose client has left may still bring one.
    runs = (await api.list(id, { limit: 100 })).data
    for (const run of new Set([...runs.map(({ id: run }) => run as string), ...facts.runs.keys()])) {
      const status = await settle(client, id, run, deadline)
      if (!ENDED.includes(status)) return model.found('stuck', `${id}: ${run} is ${status}`)
    }
    try {
      if (!facts.messages.has(last)) await messageApi.create(id, { role: 'user', content: last }, { idempotencyKey: last })
      facts.messages.add(last)
    } catch (error) {
      if (performance.now() > deadline) return model.found('stuck', `${id} takes no message: ${String(error)}`)
    }
    runs = (await api.list(id, { limit: 100 })).data
    if (facts.messages.has(last) && runs.every(({ status }) => ENDED.includes(status))) break
  }
  const listed = new Set(runs.map(run => run.id))
  if (listed.size !== runs.length) model.found('twice', `${id}: a run is listed twice`)
  for (const [run, told] of facts.runs) {
    const now = runs.find(each => each.id === run)
    if (now === undefined) model.found('lost', `${id}: ${run} is not listed`)
    else if (ENDED.includes(told) && told !== now.status) model.found('amiss', `${id}: ${run} was ${told} and is ${now.status}`)
  }
  for (const { id: run, status, last_error: error } of runs) {
    if (status === 'failed' || status === 'expired') model.found('amiss', `${id}: ${run} is ${status}: ${JSON.stringify(error)}`)
  }
  const messages = (await messageApi.list(id, { limit: 100, order: 'asc' })).data
  const texts = messages.filter(({ role }) => role === 'user').map(({ content: [part] }) => (part as any).text.value as string)
  for (const text of facts.messages) if (!texts.includes(text)) model.found('lost', `${id}: the message "${text}" is not there`)
  for (const text of new Set(texts)) {
    if (texts.filter(other => other === text).length > 1) model.found('twice', `${id}: the message "${text}"`)
    if (!facts.sent.has(text)) model.found('amiss', `${id}: the message "${text}" was not sent`)
  }
  const asked = texts.filter(text => !text.startsWith('last ')).length
  if (runs.length > asked) model.found('twice', `${id} has ${runs.length} runs for ${asked} messages`)
  for (const { id: run, status } of runs) {
    const steps = (await api.steps.list(run, { thread_id: id, limit: 100 })).data
    const said = messages.filter(message => message.run_id === run)
    // The model of the load speaks once in a run, and asks at most once.
    if (said.length > 1) model.found('twice', `${id}: ${run} has ${said.length} messages`)
    for (const type of ['message_creation', 'tool_calls']) if (steps.filter(step => step.type === type).length > 1) model.found('twice', `${id}: ${run} has two steps ${type}`)
    if (status === 'completed' && said.length === 0) model.found('lost', `${id}: ${run} has completed, and its message is not there`)
    if ([...steps, ...said].some(each => each.status === 'in_progress')) model.found('stuck', `${id}: ${run} is ${status}, and a part of it is in progress`)
  }
}

/** Answers what the run asks for until it has ended, or the deadline of `performance.now()` has come. Resolves to its status. */
export async function settle (client: OpenAI, threadId: string, runId: string, deadline: number): Promise<string> {
  const { runs } = client.beta.threads
  for (;;) {
    let run = await runs.retrieve(runId, { thread_id: threadId })
    if (run.status === 'requires_action') {
      // Another answer may have come first: the next look says.
      run = await runs.submitToolOutputs(runId, { thread_id: threadId, tool_outputs: outputsOf(run) }).catch(() => run)
    }
    if (ENDED.includes(run.status) || performance.now() > deadline) return run.status
    await pause(LOOK_MS)
  }
}

async function checkFiles (client: OpenAI, model: Model, storeId: string, deadline: number): Promise<void> {
  const isOpen = (id: string): boolean => model.leaving.has(id) && !model.gone.has(id)
  const inStore = async (): Promise<any[]> => await all(client.vectorStores.files.list(storeId, { limit: 100 }))
  let files: any[]
  let counts: OpenAI.VectorStores.VectorStore.FileCounts
  for (;;) {
    files = await inStore()
    ;({ file_counts: counts } = await client.vectorStores.retrieve(storeId))
    // A request whose client has left may still bring a file, and what a deletion could not take along is taken out within seconds.
    if (performance.now() > deadline || (counts.total === files.length && files.every(({ id, status }) => status !== 'in_progress' && !model.gone.has(id)))) break
    await pause(LOOK_MS)
  }
  for (const { id, status, last_error: error } of files) {
    if (status === 'in_progress') model.found('stuck', `${id} is not indexed`)
    else if (status !== 'completed' && !model.leaving.has(id)) model.found('amiss', `${id} is ${status} in the vector store: ${JSON.stringify(error)}`)
    if (files.filter(other => other.id === id).length > 1) model.found('twice', `${id} in the vector store`)
    if (model.gone.has(id)) model.found('amiss', `${id} was deleted and is in the vector store`)
  }
  for (const id of model.attached) {
    if (!model.leaving.has(id) && !files.some(file => file.id === id)) model.found('lost', `${id} is not in the vector store`)
  }
  const [total, completed] = [files.length, files.filter(({ status }) => status === 'completed').length]
  if (counts.total !== total || counts.completed !== completed) model.found('amiss', `the vector store counts ${JSON.stringify(counts)} and lists ${total}, ${completed} of them completed`)

  const listed = (await all(client.files.list({ limit: 1000, order: 'desc' }))).filter(({ filename }) => model.sentFiles.has(filename))
  for (const [id, { name }] of model.files) {
    const isThere = listed.some(file => file.id === id)
    if (!isThere && !model.leaving.has(id)) model.found('lost', `${id} (${name}) is not listed`)
    if (isThere && model.gone.has(id)) model.found('amiss', `${id} was deleted and is listed`)
  }
  for (const { id, filename } of listed) {
    if (listed.filter(other => other.filename === filename).length > 1) model.found('twice', `the file ${filename}`)
    if (isOpen(id)) continue
    const content = await (await client.files.content(id)).text()
    if (content !== model.sentFiles.get(filename)) model.found('lost', `${id} has other bytes than were sent: ${content.slice(0, 100)}`)
  }
  for (const { id, status } of files) {
    const facts = model.files.get(id)
    if (facts === undefined || status !== 'completed' || isOpen(id)) continue
    const hits = (await client.vectorStores.search(storeId, { query: facts.word, max_num_results: 3 })).data.filter(({ file_id: found }) => found === id)
    if (hits.length === 0) model.found('lost', `${id} is completed and is not found`)
    if (hits.length > 1) model.found('twice', `${id} is found ${hits.length} times`)
  }
}

async function all<T> (pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of pages) items.push(item)
  return items
}
