import type { Test } from 'tap'
import { newAssistant, newThread, startServer, type ApiClient, type TestServer, type TestServerOptions } from '../../helpers/server.js'
import { sharedStores, type StoreUrl } from '../../helpers/stores.js'
import type { TcpProxy } from '../../helpers/tcp-proxy.js'
import { Gate, startUpstream, text, type Upstream } from '../../helpers/upstream.js'

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

/** A run whose model has ended while its store was gone ends too when the store is back, and is told and kept once. */
export async function outlasts (t: Test, server: TestServer, proxy: TcpProxy, leave: () => void): Promise<void> {
  const gate = new Gate()
  server.upstream.enqueue(text(['Once', gate, ' upon', ' a', ' time']))
  const { assistant, thread } = await runnable(server)
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const run = (await stream.next())!.data
  await stream.until('thread.message.delta')
  await gate.reached()
  const request = await server.upstream.next()
  leave()
  gate.open()
  await request.completed
  // The model is through, and what it said has nowhere to go yet.
  t.equal((await server.get(`/threads/${thread.id}`)).status, 503)
  proxy.restore()
  const frames = await stream.all()
  t.strictSame(frames.slice(-4).map(({ event }) => event), ['thread.message.completed', 'thread.run.step.completed', 'thread.run.completed', 'done'])
  while ((await server.get(`/threads/${thread.id}`)).status !== 200);
  t.strictSame(await reaches(server, run, 'completed'), frames.at(-2)!.data)
  t.strictSame((await messagesOf(server, thread.id)).map(textOf), ['Hello?', 'Once upon a time'])
  t.equal((await stepsOf(server, run)).length, 1)
  t.equal(server.upstream.chats.length, 1)
}
