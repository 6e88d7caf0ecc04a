import { createRequire } from 'node:module'
import type OpenAI6 from 'openai'
import type { ClientOptions } from 'openai'
import type OpenAI4 from 'openai4'

// Loaded when they are used: three majors have a thousand modules, and most tests need none.
const require = createRequire(import.meta.url)

type Beta = OpenAI6['beta']

/** A client of any major, with the signatures of the newest. */
export interface Client {
  beta: Pick<Beta, 'assistants' | 'threads'>
  models: Pick<OpenAI6['models'], 'list' | 'retrieve'>
  files: Pick<OpenAI6['files'], 'create' | 'retrieve' | 'list' | 'content' | 'delete'>
  vectorStores: Pick<OpenAI6['vectorStores'], 'create' | 'retrieve' | 'update' | 'list' | 'delete' | 'search' | 'files' | 'fileBatches'>
  uploads: Pick<OpenAI6['uploads'], 'create' | 'parts' | 'complete' | 'cancel'>
}

export interface Sdk {
  name: string
  connect (options: ClientOptions): Client
}

/** The majors that applications of the Assistants API are built with, the newest last. */
export const sdks: readonly Sdk[] = [
  { name: 'openai 4', connect: options => likeLaterOnes(new (require('openai4') as typeof import('openai4')).OpenAI(options as ConstructorParameters<typeof OpenAI4>[0])) },
  { name: 'openai 5', connect: options => new (require('openai5') as typeof import('openai5')).OpenAI(options as object) as unknown as Client },
  { name: 'openai 6', connect: options => new (require('openai') as typeof import('openai')).OpenAI(options) }
]

export const newestSdk = sdks.at(-1)!

/** What names the parents of an object, beside the request's own parameters. */
interface Parents {
  thread_id: string
  run_id: string
}

/**
 * Major 4 takes every id of the path in order, and deletes with `del`. Later ones take the last id, and the others as
 * parameters. The calls are passed on as they are; what differs is only the order of arguments.
 */
function likeLaterOnes (client: OpenAI4): Client {
  const { assistants, threads } = client.beta
  const { messages, runs } = threads
  const { files } = client
  const client6 = {
    models: client.models,
    uploads: client.uploads,
    vectorStores: vectorStoresLikeLaterOnes(client),
    files: {
      create: files.create.bind(files),
      retrieve: files.retrieve.bind(files),
      list: files.list.bind(files),
      content: files.content.bind(files),
      delete: files.del.bind(files)
    },
    beta: {
      assistants: {
        create: assistants.create.bind(assistants),
        retrieve: assistants.retrieve.bind(assistants),
        update: assistants.update.bind(assistants),
        list: assistants.list.bind(assistants),
        delete: assistants.del.bind(assistants)
      },
      threads: {
        create: threads.create.bind(threads),
        retrieve: threads.retrieve.bind(threads),
        update: threads.update.bind(threads),
        delete: threads.del.bind(threads),
        createAndRun: threads.createAndRun.bind(threads),
        createAndRunPoll: threads.createAndRunPoll.bind(threads),
        createAndRunStream: threads.createAndRunStream.bind(threads),
        messages: {
          create: messages.create.bind(messages),
          list: messages.list.bind(messages),
          retrieve: (id: string, { thread_id: thread }: Parents) => messages.retrieve(thread, id),
          update: (id: string, { thread_id: thread, ...body }: Parents) => messages.update(thread, id, body as never),
          delete: (id: string, { thread_id: thread }: Parents) => messages.del(thread, id)
        },
        runs: {
          create: runs.create.bind(runs),
          list: runs.list.bind(runs),
          createAndPoll: runs.createAndPoll.bind(runs),
          stream: runs.stream.bind(runs),
          retrieve: (id: string, { thread_id: thread }: Parents) => runs.retrieve(thread, id),
          update: (id: string, { thread_id: thread, ...body }: Parents) => runs.update(thread, id, body as never),
          cancel: (id: string, { thread_id: thread }: Parents) => runs.cancel(thread, id),
          poll: (id: string, { thread_id: thread }: Parents, options: object) => runs.poll(thread, id, options),
          submitToolOutputs: (id: string, { thread_id: thread, ...body }: Parents) => runs.submitToolOutputs(thread, id, body as never),
          submitToolOutputsAndPoll: (id: string, { thread_id: thread, ...body }: Parents, options: object) =>
            runs.submitToolOutputsAndPoll(thread, id, body as never, options),
          submitToolOutputsStream: (id: string, { thread_id: thread, ...body }: Parents) => runs.submitToolOutputsStream(thread, id, body as never),
          steps: {
            list: (run: string, { thread_id: thread, ...query }: Parents) => runs.steps.list(thread, run, query as never),
            retrieve: (id: string, { thread_id: thread, run_id: run, ...query }: Parents) => runs.steps.retrieve(thread, run, id, query)
          }
        }
      }
    }
  }
  return client6 as unknown as Client
}

interface StoreParent {
  vector_store_id: string
}

function vectorStoresLikeLaterOnes ({ vectorStores }: OpenAI4) {
  const { files, fileBatches } = vectorStores
  return {
    create: vectorStores.create.bind(vectorStores),
    retrieve: vectorStores.retrieve.bind(vectorStores),
    update: vectorStores.update.bind(vectorStores),
    list: vectorStores.list.bind(vectorStores),
    delete: vectorStores.del.bind(vectorStores),
    search: vectorStores.search.bind(vectorStores),
    files: {
      create: files.create.bind(files),
      list: files.list.bind(files),
      createAndPoll: files.createAndPoll.bind(files),
      uploadAndPoll: files.uploadAndPoll.bind(files),
      retrieve: (id: string, { vector_store_id: store }: StoreParent) => files.retrieve(store, id),
      update: (id: string, { vector_store_id: store, ...body }: StoreParent) => files.update(store, id, body as never),
      content: (id: string, { vector_store_id: store }: StoreParent) => files.content(store, id),
      delete: (id: string, { vector_store_id: store }: StoreParent) => files.del(store, id)
    },
    fileBatches: {
      create: fileBatches.create.bind(fileBatches),
      createAndPoll: fileBatches.createAndPoll.bind(fileBatches),
      uploadAndPoll: fileBatches.uploadAndPoll.bind(fileBatches),
      retrieve: (id: string, { vector_store_id: store }: StoreParent) => fileBatches.retrieve(store, id),
      cancel: (id: string, { vector_store_id: store }: StoreParent) => fileBatches.cancel(store, id),
      listFiles: (id: string, { vector_store_id: store, ...query }: StoreParent) => fileBatches.listFiles(store, id, query)
    }
  }
}
