import { computed, signal } from '@preact/signals'
import OpenAI from 'openai'
import type { ServerInfo } from '../../schemas/server.js'
import type { ListThreadsOfServerQuery } from '../../schemas/threads.js'
import type { CostsPage, UsagePage } from '../../schemas/usage.js'
import { ofBrowser, ofTab } from './kept.js'

export interface Config { api: string, version: string }

/** One application may have several consoles, each of an API with keys of its own. */
const KEY = `fastify-openai-compat.key ${new URL('.', document.baseURI).pathname}`
/** Replies that people keep for the functions of a model, by the function's name behind it. */
const REPLY = 'fastify-openai-compat.reply.'

/** Set before anything is shown. */
export const config = signal<Config>({ api: '../v1', version: '' })
/** The key of this tab, '' without one. It is forgotten when the tab closes. */
export const key = signal(ofTab.get(KEY))
/** Whether the server lets us in; undefined until it has said so. */
export const admitted = signal<boolean | undefined>(undefined)

export const client = computed(() => new OpenAI({
  baseURL: new URL(config.value.api, document.baseURI).href,
  apiKey: key.value === '' ? 'none' : key.value,
  dangerouslyAllowBrowser: true,
  maxRetries: 1,
  // With `Response` at hand the client does not fetch a `data:` URL to find it, which the policy forbids.
  fetch: Object.assign(request, { Response }),
  defaultHeaders: { 'OpenAI-Beta': 'assistants=v2' }
}))

/** A key can become invalid while the page is open: then the page asks for one again. */
async function request (...args: Parameters<typeof fetch>): Promise<Response> {
  const asked = key.value
  const response = await fetch(...args)
  if (response.status === 401 && admitted.value === true && asked === key.value) admitted.value = false
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  return isStream && response.body !== null ? new Response(response.body.pipeThrough(inPieces()), response) : response
}

const PIECE_BYTES = 8192

/** The client copies what is left of a piece for each event in it, so that a big one takes the square of its length. */
function inPieces (): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    transform (chunk, controller) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) controller.enqueue(chunk.subarray(at, at + PIECE_BYTES))
    }
  })
}

/** What `GET /threads` takes: it is this server's own, so the official client knows only the way there. */
export type ThreadQuery = ListThreadsOfServerQuery
export interface ThreadPage { data: Thread[], last_id: string | null, has_more: boolean }

export const listThreads = async (query: ThreadQuery): Promise<ThreadPage> => await client.value.get('/threads', { query })

export async function connect (): Promise<void> {
  const response = await fetch(new URL('config.json', document.baseURI), { cache: 'no-store' }).catch((error: unknown) => { throw new OpenAI.APIConnectionError({ cause: error as Error }) })
  if (!response.ok) throw new Error(`The server answers ${response.status} in place of the console's configuration.`)
  config.value = await response.json() as Config
  await admit()
}

/** Asks whether the key, or none, is enough. */
export async function admit (): Promise<void> {
  try {
    await client.value.beta.assistants.list({ limit: 1 })
    admitted.value = true
  } catch (error) {
    if (!(error instanceof OpenAI.APIError) || (error.status !== 401 && error.status !== 403)) throw error
    admitted.value = false
  }
}

export async function useKey (value: string): Promise<boolean> {
  // No header can carry anything else, so it is no key of any server.
  if (!/^[\x21-\x7e]+$/.test(value)) return false
  key.value = value
  await admit()
  if (admitted.value === true) ofTab.set(KEY, value)
  return admitted.value === true
}

/** With all that was kept for its user. */
export async function forgetKey (): Promise<void> {
  ofTab.delete(KEY)
  for (const name of ofBrowser.keys()) if (name.startsWith(REPLY)) ofBrowser.delete(name)
  key.value = ''
  await admit()
}

export const savedReply = (name: string): string => ofBrowser.get(REPLY + name)
/** Without a text none is kept any more. */
export const saveReply = (name: string, text: string | undefined): void => text === undefined ? ofBrowser.delete(REPLY + name) : ofBrowser.set(REPLY + name, text)

/** In words for people. */
export function explain (error: unknown): string {
  if (error instanceof OpenAI.APIConnectionError) return 'The server cannot be reached.'
  if (error instanceof OpenAI.APIError) return (error.error as { message?: string } | undefined)?.message ?? error.message
  return error instanceof Error ? error.message : String(error)
}

export type Assistant = OpenAI.Beta.Assistant
export type Thread = OpenAI.Beta.Thread
export type Message = OpenAI.Beta.Threads.Message
export type Run = OpenAI.Beta.Threads.Run
export type Step = OpenAI.Beta.Threads.Runs.RunStep
export type StreamEvent = OpenAI.Beta.AssistantStreamEvent
export type FileObject = OpenAI.FileObject
export type VectorStore = OpenAI.VectorStore
export type Upload = OpenAI.Uploads.Upload

/** All steps of a run, with the passages that searches found. */
export async function stepsOf (threadId: string, runId: string): Promise<Step[]> {
  const pages = client.value.beta.threads.runs.steps.list(runId, { thread_id: threadId, limit: 100, order: 'asc', include: INCLUDE })
  return await Array.fromAsync(pages)
}

export const INCLUDE: OpenAI.Beta.Threads.Runs.RunStepInclude[] = ['step_details.tool_calls[*].file_search.results[*].content']

/** `GET /uploads`, this server's own. */
export const listUploads = async (query: { limit: number, order: 'desc', after?: string }): Promise<{ data: Upload[], has_more: boolean }> => await client.value.get('/uploads', { query })
export const retrieveUpload = async (id: string): Promise<Upload> => await client.value.get(`/uploads/${encodeURIComponent(id)}`)

/** `GET /server`, this server's own, with what a model's name stands for. */
export const serverInfo = async (model?: string): Promise<ServerInfo> => await client.value.get('/server', model === undefined ? {} : { query: { model } })

export interface UsageQuery { start_time: number, limit: number, group_by: string[] }

/** Of the API for administrators, which the client for its users has no methods for. A key that is none sees its own project. */
export const usageOf = async (query: UsageQuery): Promise<UsagePage> => await client.value.get('/organization/usage/completions', { query })
export const costsOf = async (query: UsageQuery): Promise<CostsPage> => await client.value.get('/organization/costs', { query })
