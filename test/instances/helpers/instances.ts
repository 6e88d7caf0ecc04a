import type { Test } from 'tap'
import { newAssistant, newThread, startServer, type ApiClient, type TestServer, type TestServerOptions } from '../../helpers/server.js'
import { sharedStores, type StoreUrl } from '../../helpers/stores.js'
import { startUpstream, type Upstream } from '../../helpers/upstream.js'

/** Runs the tests on every store that instances can share. */
export async function onSharedStores (tests: (t: Test, store: StoreUrl) => void | Promise<void>, test: Test['test']): Promise<void> {
  for (const store of sharedStores) await test(store.name, { skip: await store.skip() }, async t => { await tests(t, store) })
}

export interface Instances {
  upstream: Upstream
  servers: TestServer[]
}

/** Servers on one store, in front of one model. An option given as a function is asked for each instance. */
export async function startInstances (t: Test, store: StoreUrl, count: number, options: (index: number) => TestServerOptions = () => ({})): Promise<Instances> {
  const upstream = await startUpstream(t)
  const storage = store.url(t)
  const servers: TestServer[] = []
  for (let index = 0; index < count; index++) servers.push(await startServer(t, { upstream, storage, ...options(index) }))
  return { upstream, servers }
}

/** A thread with one message, and an assistant: all that a run needs. */
export async function runnable (server: ApiClient, assistantFields: object = {}): Promise<{ assistant: any, thread: any, create: (through: ApiClient, fields?: object) => Promise<any> }> {
  const assistant = await newAssistant(server, assistantFields)
  const thread = await newThread(server, 'Hello?')
  return {
    assistant,
    thread,
    async create (through, fields = {}) {
      const { status, body } = await through.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, ...fields })
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
      return body
    }
  }
}

/** The run once it has this status, asked for until it does. */
export async function reaches (server: ApiClient, run: { id: string, thread_id: string }, ...statuses: string[]): Promise<any> {
  for (;;) {
    const { status, body } = await server.get(`/threads/${run.thread_id}/runs/${run.id}`)
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
    if (statuses.includes(body.status)) return body
    if (['completed', 'failed', 'cancelled', 'expired', 'incomplete'].includes(body.status)) throw new Error(`the run has ended: ${JSON.stringify(body)}`)
  }
}

/** All messages of a thread, oldest first. */
export async function messagesOf (server: ApiClient, threadId: string): Promise<any[]> {
  return (await server.get(`/threads/${threadId}/messages?order=asc&limit=100`)).body.data
}

export async function stepsOf (server: ApiClient, run: { id: string, thread_id: string }): Promise<any[]> {
  return (await server.get(`/threads/${run.thread_id}/runs/${run.id}/steps?order=asc&limit=100`)).body.data
}

export const textOf = (message: any): string => message.content.map((part: any) => part.text.value).join('')
