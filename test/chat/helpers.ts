import OpenAI6 from 'openai'
import type { ModelPart, ModelProvider, ModelRequest } from '../../lib/models/provider.js'
import { sdks as majors } from '../helpers/sdk.js'
import type { Answer, TestServer } from '../helpers/server.js'

type Options = Record<string, unknown>

/** A client of each major. Chat, embeddings and models are called alike in all of them. */
export const sdks: { name: string, connect (options: Options): OpenAI6 }[] = majors.map(({ name, load }) => ({ name, connect: options => new (load().OpenAI)(options) }))

export function connect ({ baseURL }: { baseURL: string }, options: Options = {}): OpenAI6 {
  return new OpenAI6({ baseURL, apiKey: 'sk-client', maxRetries: 0, ...options })
}

export const messages = [{ role: 'user' as const, content: 'Hi there' }]

/** A POST as raw as it gets. */
export async function post ({ baseURL }: Pick<TestServer, 'baseURL'>, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return await fetch(baseURL + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init
  })
}

/** A POST and its JSON. */
export async function ask (server: Pick<TestServer, 'baseURL'>, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await post(server, path, body, { headers: { 'content-type': 'application/json', ...headers } })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** The body as far as it comes: a connection that is cut ends it, too. */
export async function textUntilCut (response: Response): Promise<{ text: string, cut: boolean }> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body!) text += decoder.decode(chunk as Uint8Array, { stream: true })
    return { text, cut: false }
  } catch {
    return { text, cut: true }
  }
}

/** A model in the terms of our own contract, which says what `parts` makes of the request. */
export function provider (parts: (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelPart> | Iterable<ModelPart>, more: Partial<ModelProvider> = {}): ModelProvider {
  return {
    async * stream (request, { signal }) { yield * parts(request, signal) },
    models: async () => [{ id: 'plain', created: 0, ownedBy: 'test' }],
    ...more
  }
}
