import { createRequire } from 'node:module'
import type OpenAI6 from 'openai'
import type { AzureOpenAI, ClientOptions } from 'openai'
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

/** What the tests use of the package of one major, with the signatures of version 6. */
export interface SdkModule {
  OpenAI: new (options: object) => OpenAI6
  AzureOpenAI: new (options: object) => AzureOpenAI
}

export interface Sdk {
  name: string
  load (): SdkModule
  connect (options: ClientOptions): Client
}

const sdk = (name: string, packageName: string, adapted: (client: any) => Client = client => client as Client): Sdk => {
  const load = (): SdkModule => require(packageName) as SdkModule
  return { name, load, connect: options => adapted(new (load().OpenAI)(options)) }
}

/** The majors that applications of the Assistants API are built with, the newest last. */
export const everySdk: readonly Sdk[] = [sdk('openai 4', 'openai4', likeLaterOnes), sdk('openai 5', 'openai5'), sdk('openai 6', 'openai'), sdk('openai 7', 'openai7')]

/** The Node that a major asks for when this one is older; otherwise undefined. */
export function lackingNode ({ name }: Pick<Sdk, 'name'>): string | undefined {
  const needed = name === 'openai 7' ? 22 : 20
  return Number(process.versions.node.split('.')[0]) < needed ? `${name} asks for Node ${needed}` : undefined
}

/** Those that run on this Node; `test/api/sdks.test.ts` says which do not. */
export const sdks = everySdk.filter(sdk => lackingNode(sdk) === undefined)

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
