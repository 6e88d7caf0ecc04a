import { setTimeout as pause } from 'node:timers/promises'
import type OpenAI from 'openai'
import { toFile } from 'openai'
import type { UpstreamReply, UpstreamRequest } from '../helpers/upstream.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { ENDED, type Model, type ThreadFacts } from './model.js'
import { unique } from './wire.js'

/** Clients at once, by what they do. */
const TALKERS = 5
const FILERS = 2
/** Between two looks at a run or a file. */
const LOOK_MS = 25
/** Between two words of the model. */
const WORD_MS = 8

const WORDS = 'Once upon a time there was a server that would not lose a single word of what it had been told'.split(' ')

export interface Load {
  client: OpenAI
  model: Model
  assistantId: string
  /** The round's vector store. */
  storeId: string
  random: () => number
  stop: AbortSignal
}

/** Mixed load until it is told to stop: streamed and polled runs, tools, messages, files, uploads, indexing, searches. Resolves when all clients have left. */
export async function work (load: Load): Promise<void> {
  const clients = [...Array<Client>(TALKERS).fill(talk), ...Array<Client>(FILERS).fill(keepFiles)]
  await Promise.all(clients.map(async client => {
    while (!load.stop.aborted) {
      try {
        await client(load)
      } catch (error) {
        if (!isFair(error, load.stop)) load.model.found('amiss', `a client was told: ${String(error)}`)
        // Like a user who tries again.
        await pause(LOOK_MS)
      }
    }
  }))
}

type Client = (load: Load) => Promise<void>

/**
 * What a client has to expect while something is broken: no answer, a 503, and for a repetition whose first try may have been carried
 * out a 409, or a 400 that says that the first try's run is active. A run may also end before it is cancelled.
 */
function isFair (error: any, stop: AbortSignal): boolean {
  if (stop.aborted) return true
  if (error.status === undefined) return error.code === undefined || CODES_OF_ENDS.includes(error.code)
  return error.status === 502 || error.status === 503 || error.status === 409 || (error.status === 400 && /active|Cannot cancel/.test(error.message))
}

/** Of the events that end a stream before its run. */
const CODES_OF_ENDS: readonly unknown[] = ['shutting_down', 'stream_interrupted', 'storage_unavailable', null]

/** A thread with a few turns. */
async function talk (load: Load): Promise<void> {
  const { client, model, random, stop } = load
  const { id } = await client.beta.threads.create({})
  const facts = model.thread(id)
  for (let turn = 0; turn < 3 && !stop.aborted; turn++) {
    await say(load, id, facts)
    const isStreamed = random() < 0.5
    await (isStreamed ? streamedRun : polledRun)(load, id, facts)
  }
}

async function say ({ client, random }: Load, threadId: string, facts: ThreadFacts): Promise<void> {
  const content = `${random() < 0.4 ? 'ask' : 'say'} ${unique()}`
  facts.sent.add(content)
  await client.beta.threads.messages.create(threadId, { role: 'user', content })
  facts.messages.add(content)
}

async function polledRun ({ client, assistantId, random, stop }: Load, threadId: string, facts: ThreadFacts): Promise<void> {
  let run = await client.beta.threads.runs.create(threadId, { assistant_id: assistantId })
  facts.runs.set(run.id, run.status)
  if (random() < 0.05) await client.beta.threads.runs.cancel(run.id, { thread_id: threadId })
  while (!ENDED.includes(run.status) && !stop.aborted) {
    if (run.status === 'requires_action') run = await client.beta.threads.runs.submitToolOutputs(run.id, { thread_id: threadId, tool_outputs: outputsOf(run) })
    else {
      await pause(LOOK_MS)
      run = await client.beta.threads.runs.retrieve(run.id, { thread_id: threadId })
    }
    facts.runs.set(run.id, run.status)
  }
}

async function streamedRun ({ client, model, assistantId, stop }: Load, threadId: string, facts: ThreadFacts): Promise<void> {
  let events: AsyncIterable<any> = await client.beta.threads.runs.create(threadId, { assistant_id: assistantId, stream: true })
  for (;;) {
    let run: any
    for await (const { event, data } of events) {
      if (!/^thread\.run\.[a-z_]+$/.test(event)) continue
      run = data
      facts.runs.set(run.id, run.status)
    }
    if (run === undefined || !(ENDED.includes(run.status) || run.status === 'requires_action')) {
      if (!stop.aborted) model.found('amiss', `a stream of ${threadId} ended without its last event, after ${run?.status ?? 'nothing'}`)
      return
    }
    if (run.status !== 'requires_action') return
    events = await client.beta.threads.runs.submitToolOutputs(run.id, { thread_id: threadId, tool_outputs: outputsOf(run), stream: true })
  }
}

export const outputsOf = (run: any): { tool_call_id: string, output: string }[] =>
  run.required_action.submit_tool_outputs.tool_calls.map(({ id }: any) => ({ tool_call_id: id, output: 'noted' }))

/** A file, in the vector store; looked for, and now and then removed. */
async function keepFiles (load: Load): Promise<void> {
  const { client, model, storeId, random, stop } = load
  const [name, word] = [`${unique()}.txt`, unique()]
  const content = `The word of this file is ${word}. ${WORDS.join(' ')}.`
  model.sentFiles.set(name, content)
  const id = await (random() < 0.5 ? uploadWhole : uploadInParts)(client, name, content)
  model.files.set(id, { name, word, content })
  await client.vectorStores.files.create(storeId, { file_id: id })
  model.attached.add(id)
  let status = 'in_progress'
  while (status === 'in_progress' && !stop.aborted) {
    await pause(LOOK_MS)
    ;({ status } = await client.vectorStores.files.retrieve(id, { vector_store_id: storeId }))
  }
  // One that has failed is found by the check.
  if (status !== 'completed') return
  model.searches++
  const { data } = await client.vectorStores.search(storeId, { query: word, max_num_results: 3 })
  if (!data.some(({ file_id: found }) => found === id)) model.found('lost', `${id} is completed and is not found`)
  if (random() < 0.2) {
    model.leaving.add(id)
    await client.files.delete(id)
    model.gone.add(id)
  }
}

async function uploadWhole (client: OpenAI, name: string, content: string): Promise<string> {
  return (await client.files.create({ file: await toFile(Buffer.from(content), name), purpose: 'assistants' })).id
}

async function uploadInParts (client: OpenAI, name: string, content: string): Promise<string> {
  const bytes = Buffer.from(content)
  const upload = await client.uploads.create({ filename: name, purpose: 'assistants', mime_type: 'text/plain', bytes: bytes.length })
  const middle = Math.floor(bytes.length / 2)
  const parts: string[] = []
  for (const part of [bytes.subarray(0, middle), bytes.subarray(middle)]) parts.push((await client.uploads.parts.create(upload.id, { data: await toFile(part, 'part') })).id)
  return (await client.uploads.complete(upload.id, { part_ids: parts })).file!.id
}

/** The model: asks for an output when it is told to and has none yet, and else speaks slowly enough to be interrupted. */
export function answer ({ body }: UpstreamRequest): UpstreamReply {
  const last = body.messages.findLast(({ role }: any) => role === 'user' || role === 'tool')
  if (last.role === 'user' && JSON.stringify(last.content).includes('ask ')) return toolCalls([{ name: 'ask', arguments: {} }])
  return text(WORDS.flatMap((word, index) => [pause(index * WORD_MS), `${word} `]))
}
