/** The thread in which `WorkerIndex` keeps its database: a search or an insertion blocks it, and not the server. */
import { parentPort, workerData } from 'node:worker_threads'
import { IndexDatabase, type IndexDatabaseOptions } from './index-database.js'

export type IndexMethod = keyof IndexDatabase

export interface IndexCall {
  id: number
  method: IndexMethod
  args: unknown[]
}

export type IndexReply = { id: number, result: unknown } | { id: number, error: Error }

const port = parentPort
if (port === null) throw new Error('this module runs in a worker thread')
const database = new IndexDatabase(workerData as IndexDatabaseOptions)

port.on('message', ({ id, method, args }: IndexCall) => {
  port.postMessage(answer(id, method, args))
  if (method === 'close') port.close()
})

function answer (id: number, method: IndexMethod, args: unknown[]): IndexReply {
  try {
    return { id, result: (database[method] as (...args: unknown[]) => unknown)(...args) }
  } catch (error) {
    return { id, error: error as Error }
  }
}
