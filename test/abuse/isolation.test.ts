import { test, type Test } from 'tap'
import { persistentStores } from '../helpers/stores.js'
import { startServer, type Answer, type TestServer } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { OPERATIONS, type OperationId } from '../operations.js'

/** Ids of one project's objects, by the name of the path's parameter. */
type Ids = Record<'assistant_id' | 'thread_id' | 'message_id' | 'run_id' | 'step_id' | 'file_id' | 'upload_id' | 'vector_store_id' | 'batch_id', string>

interface Tenant {
  ids: Ids
  call (method: string, path: string, body?: unknown): Promise<Answer>
  /** Everything that it can see. */
  snapshot (): Promise<unknown>
}

/** What the holder of another key sends to make use of these ids: a body for a path that names them, or the whole request. */
type Case =
  | { body?: (foreign: Ids) => unknown }
  /** A list of everything: nothing foreign is in it, and no foreign id is a cursor. */
  | { lists: keyof Ids }
  /** Requests that refer to what is foreign, in a body. */
  | { refers: ((foreign: Ids, own: Ids) => unknown)[] }
  /** The same for everybody. */
  | { shared: true }

function partForm (): FormData {
  const form = new FormData()
  form.set('data', new File(['x'], 'part'))
  return form
}

/** One for every operation: without it the tests do not compile. */
const CASES: Record<OperationId, Case> = {
  createAssistant: {
    refers: [
      ({ vector_store_id: id }) => ({ model: 'm', tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: [id] } } }),
      ({ file_id: id }) => ({ model: 'm', tool_resources: { code_interpreter: { file_ids: [id] } } }),
      ({ file_id: id }) => ({ model: 'm', tool_resources: { file_search: { vector_stores: [{ file_ids: [id] }] } } })
    ]
  },
  listAssistants: { lists: 'assistant_id' },
  getAssistant: {},
  modifyAssistant: { body: () => ({ name: 'taken' }) },
  deleteAssistant: {},
  createThreadAndRun: {
    refers: [
      ({ assistant_id: id }) => ({ assistant_id: id, thread: { messages: [{ role: 'user', content: 'x' }] } }),
      ({ file_id: id }, own) => ({ assistant_id: own.assistant_id, thread: { messages: [{ role: 'user', content: 'x', attachments: [{ file_id: id, tools: [] }] }] } }),
      ({ vector_store_id: id }, own) => ({ assistant_id: own.assistant_id, tool_resources: { file_search: { vector_store_ids: [id] } }, thread: { messages: [{ role: 'user', content: 'x' }] } })
    ]
  },
  listThreads: { lists: 'thread_id' },
  forkThread: { body: () => ({}) },
  eraseThread: { body: () => ({ files: 'all' }) },
  eraseProject: { refers: [() => ({ project: 'alpha' })] },
  createThread: {
    refers: [
      ({ file_id: id }) => ({ messages: [{ role: 'user', content: 'x', attachments: [{ file_id: id, tools: [{ type: 'file_search' }] }] }] }),
      ({ file_id: id }) => ({ messages: [{ role: 'user', content: [{ type: 'image_file', image_file: { file_id: id } }] }] }),
      ({ vector_store_id: id }) => ({ tool_resources: { file_search: { vector_store_ids: [id] } } })
    ]
  },
  getThread: {},
  modifyThread: { body: () => ({ metadata: { taken: 'yes' } }) },
  deleteThread: {},
  createMessage: { body: () => ({ role: 'user', content: 'x' }) },
  listMessages: {},
  getMessage: {},
  modifyMessage: { body: () => ({ metadata: {} }) },
  deleteMessage: {},
  createRun: { body: ({ assistant_id: id }) => ({ assistant_id: id }) },
  listRuns: {},
  getRun: {},
  streamRun: {},
  modifyRun: { body: () => ({ metadata: {} }) },
  cancelRun: {},
  submitToolOutputsToRun: { body: () => ({ tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }] }) },
  listRunSteps: {},
  getRunStep: {},
  listModels: { shared: true },
  retrieveModel: { shared: true },
  deleteModel: { shared: true },
  createChatCompletion: { shared: true },
  createEmbedding: { shared: true },
  createFile: { shared: true },
  listFiles: { lists: 'file_id' },
  retrieveFile: {},
  deleteFile: {},
  downloadFile: {},
  createUpload: { shared: true },
  listUploads: { lists: 'upload_id' },
  retrieveUpload: {},
  addUploadPart: { body: partForm },
  completeUpload: { body: () => ({ part_ids: ['part_1'] }) },
  cancelUpload: {},
  createVectorStore: { refers: [({ file_id: id }) => ({ file_ids: [id] })] },
  listVectorStores: { lists: 'vector_store_id' },
  getVectorStore: {},
  modifyVectorStore: { body: () => ({ name: 'taken' }) },
  deleteVectorStore: {},
  searchVectorStore: { body: () => ({ query: 'penguins' }) },
  createVectorStoreFile: { body: ({ file_id: id }) => ({ file_id: id }) },
  listVectorStoreFiles: {},
  getVectorStoreFile: {},
  updateVectorStoreFileAttributes: { body: () => ({ attributes: { taken: true } }) },
  deleteVectorStoreFile: {},
  retrieveVectorStoreFileContent: {},
  createVectorStoreFileBatch: { body: ({ file_id: id }) => ({ file_ids: [id] }) },
  getVectorStoreFileBatch: {},
  cancelVectorStoreFileBatch: {},
  listFilesInVectorStoreBatch: {},
  getHealth: { shared: true },
  getReady: { shared: true },
  getServer: { shared: true },
  /** Both are for administrators alone: test/transfer/live.test.ts. */
  exportStore: { shared: true },
  importIntoStore: { shared: true },
  /** What they show names no object: test/api/usage.test.ts sees to it that it is the caller's own. */
  getUsageOfCompletions: { shared: true },
  getCosts: { shared: true },
  getOpenApi: { shared: true }
}

/** A project with one object of every kind. */
async function tenant (server: TestServer, key: string): Promise<Tenant> {
  const headers = { authorization: `Bearer ${key}` }
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    if (!(body instanceof FormData)) return await server.request(method, path, body, headers)
    const response = await fetch(server.baseURL + path, { method, body, headers })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  const post = async (path: string, body: unknown = {}): Promise<any> => {
    const { status, body: object } = await call('POST', path, body)
    if (status !== 200) throw new Error(`${path}: ${JSON.stringify(object)}`)
    return object
  }
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new File(['Penguins live in Antarctica.'], 'birds.txt'))
  const file = await post('/files', form)
  const upload = await post('/uploads', { filename: 'a.txt', purpose: 'assistants', bytes: 1, mime_type: 'text/plain' })
  const store = await post('/vector_stores')
  const batch = await post(`/vector_stores/${store.id}/file_batches`, { file_ids: [file.id] })
  for (let status = batch.status; status === 'in_progress';) status = (await call('GET', `/vector_stores/${store.id}/file_batches/${batch.id}`)).body.status
  const assistant = await post('/assistants', { model: 'test-model', tools: [{ type: 'function', function: { name: 'f' } }] })
  server.upstream.enqueue(toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }]))
  const run = await post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } })
  const path = `/threads/${run.thread_id}`
  for (let status = run.status; status !== 'requires_action';) status = (await call('GET', `${path}/runs/${run.id}`)).body.status
  const first = async (list: string): Promise<string> => (await call('GET', `${path}/${list}`)).body.data[0].id
  const ids: Ids = {
    assistant_id: assistant.id,
    thread_id: run.thread_id,
    message_id: await first('messages'),
    run_id: run.id,
    step_id: await first(`runs/${run.id}/steps`),
    file_id: file.id,
    upload_id: upload.id,
    vector_store_id: store.id,
    batch_id: batch.id
  }
  const seen = [
    '/assistants', '/files', '/vector_stores', path, `${path}/messages`, `${path}/runs`, `${path}/runs/${run.id}/steps`,
    `/vector_stores/${store.id}`, `/vector_stores/${store.id}/files`, `/vector_stores/${store.id}/file_batches/${batch.id}`
  ]
  const snapshot = async (): Promise<unknown> => await Promise.all(seen.map(async each => (await call('GET', each)).body))
  return { ids, call, snapshot }
}

/** The paths of an operation with foreign ids: all of them foreign, and those behind the first with a first of one's own. */
function crossed (path: string, foreign: Ids, own: Ids): string[] {
  const filled = (first: Ids): string => {
    let count = 0
    return path.replace(/:(\w+)/g, (_, name: string) => (count++ === 0 ? first : foreign)[name as keyof Ids])
  }
  return [...new Set([filled(foreign), ...(path.match(/:\w+/g) ?? []).length > 1 ? [filled(own)] : []])]
}

async function cross (t: Test, server: TestServer): Promise<void> {
  const [alpha, beta] = [await tenant(server, 'sk-alpha'), await tenant(server, 'sk-beta')]
  const before = await alpha.snapshot()
  let tries = 0
  async function refused (what: string, method: string, path: string, body?: unknown): Promise<void> {
    tries++
    const { status, body: answer } = await beta.call(method, path, body)
    t.equal(status, 404, `${what}: ${method} ${path} ${JSON.stringify(answer)}`)
  }
  for (const { id, method, path } of OPERATIONS) {
    const given = CASES[id]
    if ('shared' in given) continue
    if ('lists' in given) {
      const list = JSON.stringify((await beta.call(method, path)).body)
      t.notOk(Object.values(alpha.ids).some(foreign => list.includes(foreign)), `${id}: nothing foreign is listed`)
      await refused(id, method, `${path}?after=${alpha.ids[given.lists]}`)
    } else if ('refers' in given) {
      for (const body of given.refers) await refused(id, method, path, body(alpha.ids, beta.ids))
    } else {
      for (const foreign of crossed(path, alpha.ids, beta.ids)) await refused(id, method, foreign, method === 'POST' ? given.body?.(alpha.ids) ?? {} : undefined)
    }
  }
  t.ok(tries > 60, `${tries} tries`)
  t.strictSame(await alpha.snapshot(), before, 'nothing of the other project has changed')
  server.upstream.respond(() => text('Done'))
}

for (const store of [{ name: 'memory', skip: async () => false as const, url: () => 'memory:' }, ...persistentStores]) {
  test(`every operation, crossed between two projects, on ${store.name}`, { skip: await store.skip() }, async t => {
    await cross(t, await startServer(t, { storage: store.url(t), apiKeys: [{ key: 'sk-alpha', project: 'alpha', mayErase: true }, { key: 'sk-beta', project: 'beta', mayErase: true }] }))
  })
}
