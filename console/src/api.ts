import { computed, signal } from '@preact/signals'
import OpenAI from 'openai'
import type { ServerInfo } from '../../schemas/server.js'
import type { ListThreadsQuery } from '../../schemas/threads.js'
import type { CostsPage, UsagePage } from '../../schemas/usage.js'

export interface Config { api: string, version: string }

const KEY = 'fastify-openai-compat.key'

/** Set before anything is shown. */
export const config = signal<Config>({ api: '../v1', version: '' })
/** The key of this tab, '' without one. It is forgotten when the tab closes. */
export const key = signal(sessionStorage.getItem(KEY) ?? '')
/** Whether the server lets us in; undefined until it has said so. */
export const admitted = signal<boolean | undefined>(undefined)

export const client = computed(() => new OpenAI({
  baseURL: new URL(config.value.api, document.baseURI).href,
  apiKey: key.value === '' ? 'none' : key.value,
  dangerouslyAllowBrowser: true,
  maxRetries: 1,
  // With `Response` at hand the client does not fetch a `data:` URL to find it, which the policy forbids.
  fetch: Object.assign(async (...request: Parameters<typeof fetch>) => await fetch(...request), { Response }),
  defaultHeaders: { 'OpenAI-Beta': 'assistants=v2' }
}))

/** What `GET /threads` takes: it is this server's own, so the official client knows only the way there. */
export type ThreadQuery = ListThreadsQuery
export interface ThreadPage { data: Thread[], last_id: string | null, has_more: boolean }

export const listThreads = async (query: ThreadQuery): Promise<ThreadPage> => await client.value.get('/threads', { query })

export async function connect (): Promise<void> {
  config.value = await (await fetch(new URL('config.json', document.baseURI), { cache: 'no-store' })).json() as Config
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
  key.value = value
  await admit()
  if (admitted.value === true) sessionStorage.setItem(KEY, value)
  return admitted.value === true
}

export async function forgetKey (): Promise<void> {
  sessionStorage.removeItem(KEY)
  key.value = ''
  await admit()
}

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

/** `GET /uploads`, this server's own. */
export const listUploads = async (query: { limit: number, order: 'desc', after?: string }): Promise<{ data: Upload[], has_more: boolean }> => await client.value.get('/uploads', { query })
export const retrieveUpload = async (id: string): Promise<Upload> => await client.value.get(`/uploads/${encodeURIComponent(id)}`)

/** `GET /server`, this server's own, with what a model's name stands for. */
export const serverInfo = async (model?: string): Promise<ServerInfo> => await client.value.get('/server', model === undefined ? {} : { query: { model } })

export interface UsageQuery { start_time: number, limit: number, group_by: string[] }

/** Of the API for administrators, which the client for its users has no methods for. A key that is none sees its own project. */
export const usageOf = async (query: UsageQuery): Promise<UsagePage> => await client.value.get('/organization/usage/completions', { query })
export const costsOf = async (query: UsageQuery): Promise<CostsPage> => await client.value.get('/organization/costs', { query })
