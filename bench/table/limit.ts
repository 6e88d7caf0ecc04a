/**
 * What a server that speaks this API can hardly do without, and nothing else: the limit that the table names. It reads each chunk of
 * the vendor, sends this API's events for it, keeps thread, run, step and messages, in SQLite in three transactions of a run that
 * reach the disk, and answers requests from there. It checks nothing, counts nothing, knows no keys and one model; no stream of it
 * can be joined or resumed, and no other process could go on with a run.
 */
import { randomBytes } from 'node:crypto'
import { Agent, createServer, request as call, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import Database from 'libsql'

const [vendor, storage, folder] = process.argv.slice(2) as [string, 'memory' | 'sqlite', string]

interface Store {
  /** Resolves when the records are safe. */
  save (records: readonly object[]): Promise<void>
  find (id: string): string | undefined
  /** The JSON of a list's records, oldest first. */
  list (parent: string): string[]
}

interface Stored { id: string, thread_id?: string }

function memoryStore (): Store {
  const bodies = new Map<string, string>()
  const lists = new Map<string, Set<string>>()
  return {
    async save (records) {
      for (const record of records as Stored[]) {
        bodies.set(record.id, JSON.stringify(record))
        const { thread_id: parent = '' } = record
        lists.set(parent, (lists.get(parent) ?? new Set()).add(record.id))
      }
    },
    find: id => bodies.get(id),
    list: parent => [...lists.get(parent) ?? []].map(id => bodies.get(id)!)
  }
}

/** What is saved in one turn of the event loop goes to the disk together. */
function sqliteStore (): Store {
  const database = new Database(join(folder, 'limit.db'))
  for (const pragma of ['locking_mode = EXCLUSIVE', 'journal_mode = WAL', 'synchronous = FULL']) database.exec(`PRAGMA ${pragma}`)
  database.exec('CREATE TABLE records (id TEXT PRIMARY KEY, parent TEXT, body TEXT) WITHOUT ROWID; CREATE INDEX lists ON records (parent, id)')
  const put = database.prepare('INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body')
  const get = database.prepare('SELECT body FROM records WHERE id = ?').raw()
  const all = database.prepare('SELECT body FROM records WHERE parent = ? ORDER BY id LIMIT 100').raw()
  const [begin, commit] = [database.prepare('BEGIN'), database.prepare('COMMIT')]
  let waiting: { records: readonly object[], done: () => void }[] = []
  const flush = (): void => {
    const saved = waiting
    waiting = []
    begin.run()
    for (const { records } of saved) for (const record of records as Stored[]) put.run(record.id, record.thread_id ?? '', JSON.stringify(record))
    commit.run()
    for (const { done } of saved) done()
  }
  return {
    save: records => new Promise(resolve => {
      if (waiting.push({ records, done: resolve }) === 1) setImmediate(flush)
    }),
    find: id => (get.get(id) as [string] | undefined)?.[0],
    list: parent => (all.all(parent) as [string][]).map(([body]) => body)
  }
}

const store = storage === 'memory' ? memoryStore() : sqliteStore()
const agent = new Agent({ keepAlive: true })

const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`
const frame = (event: string, data: object): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

interface Job { thread: Stored, question: object, run: Stored & { status: string } }

function newJob (model: string): Job {
  const [threadId, at] = [newId('thread'), 1_700_000_000]
  const shared = { created_at: at, thread_id: threadId, metadata: {} }
  return {
    thread: { id: threadId, object: 'thread', created_at: at, metadata: {}, tool_resources: {} } as Stored,
    question: { ...shared, id: newId('msg'), object: 'thread.message', status: 'completed', role: 'user', content: [{ type: 'text', text: { value: 'Hello', annotations: [] } }], assistant_id: null, run_id: null, attachments: [] },
    run: { ...shared, id: newId('run'), object: 'thread.run', assistant_id: 'asst_0123456789abcdefghijklmn', status: 'in_progress', started_at: at, expires_at: at + 600, cancelled_at: null, failed_at: null, completed_at: null, required_action: null, last_error: null, model, instructions: '', tools: [], usage: null, temperature: 1, top_p: 1, max_completion_tokens: null, max_prompt_tokens: null, truncation_strategy: { type: 'auto', last_messages: null }, incomplete_details: null, response_format: 'auto', tool_choice: 'auto', parallel_tool_calls: true } as Job['run']
  }
}

/** Carries a run out, and sends its events to `response`, if there is one. */
async function carryOut (job: Job, response?: ServerResponse): Promise<void> {
  const { thread, run, question } = job
  await store.save([thread, question, run])
  response?.writeHead(200, { 'content-type': 'text/event-stream' })
  response?.write(frame('thread.created', thread) + ['created', 'queued', 'in_progress'].map(name => frame(`thread.run.${name}`, run)).join(''))
  const answer = await ask(JSON.stringify({ model: (run as unknown as { model: string }).model, stream: true, stream_options: { include_usage: true }, messages: [{ role: 'user', content: 'Hello' }] }))
  const message = { ...question, id: newId('msg'), status: 'in_progress', role: 'assistant', content: [] as object[], run_id: run.id }
  const step = { id: newId('step'), object: 'thread.run.step', created_at: 1_700_000_000, run_id: run.id, thread_id: thread.id, type: 'message_creation', status: 'in_progress', usage: null as object | null, step_details: { type: 'message_creation', message_creation: { message_id: message.id } } }
  const decoder = new StringDecoder()
  let [text, rest, begun, usage] = ['', '', false, null as object | null]
  for await (const piece of answer) {
    if (!begun) {
      begun = true
      await store.save([message, step])
      response?.write(['created', 'in_progress'].map(name => frame(`thread.run.step.${name}`, step)).join('') + ['created', 'in_progress'].map(name => frame(`thread.message.${name}`, message)).join(''))
    }
    const chunks = (rest + decoder.write(piece as Buffer)).split('\n\n')
    rest = chunks.pop()!
    let frames = ''
    for (const chunk of chunks) {
      if (chunk === 'data: [DONE]') continue
      const { choices: [choice], usage: used } = JSON.parse(chunk.slice(6)) as { choices: { delta: { content?: string } }[], usage?: object }
      if (used !== undefined) usage = used
      const value = choice?.delta.content
      if (value === undefined) continue
      text += value
      frames += frame('thread.message.delta', { id: message.id, object: 'thread.message.delta', delta: { content: [{ index: 0, type: 'text', text: { value } }] } })
    }
    if (frames !== '' && response?.write(frames) === false && !response.destroyed) await writable(response)
  }
  Object.assign(message, { status: 'completed', content: [{ type: 'text', text: { value: text, annotations: [] } }] })
  Object.assign(step, { status: 'completed', usage })
  Object.assign(run, { status: 'completed', usage })
  await store.save([message, step, run])
  response?.end(`${frame('thread.message.completed', message)}${frame('thread.run.step.completed', step)}${frame('thread.run.completed', run)}event: done\ndata: [DONE]\n\n`)
}

/** Asks the vendor, once more when the connection was closed while it idled. */
async function ask (body: string): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const request = call(`${vendor}/v1/chat/completions`, { method: 'POST', agent, headers: { 'content-type': 'application/json' } }, resolve)
    request.on('error', error => {
      if (request.reusedSocket) ask(body).then(resolve, reject)
      else reject(error)
    })
    request.end(body)
  })
}

async function writable (response: ServerResponse): Promise<void> {
  await new Promise<void>(resolve => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle)
      resolve()
    }
    response.on('drain', settle).on('close', settle)
  })
}

function send (response: ServerResponse, json: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) })
  response.end(json)
}

async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? ''
  if (request.method === 'GET') return send(response, url.startsWith('/messages') ? `{"object":"list","data":[${store.list('thread_0').join(',')}],"has_more":false}` : store.find(url.slice('/jobs/'.length)) ?? '{}')
  let text = ''
  for await (const piece of request.setEncoding('utf8')) text += piece as string
  const body = JSON.parse(text) as { model: string, content: string }
  if (url === '/messages') {
    const message = { id: newId('msg'), object: 'thread.message', created_at: 1_700_000_000, thread_id: 'thread_0', status: 'completed', role: 'user', content: [{ type: 'text', text: { value: body.content, annotations: [] } }], assistant_id: null, run_id: null, attachments: [], metadata: {} }
    await store.save([message])
    return send(response, JSON.stringify(message))
  }
  const job = newJob(body.model)
  if (url === '/stream') return await carryOut(job, response)
  carryOut(job).catch((error: unknown) => { throw error })
  send(response, JSON.stringify({ path: `/jobs/${job.run.id}`, ...job.run }))
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
