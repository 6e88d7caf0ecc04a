import type { Test } from 'tap'
import { newAssistant, startServer, type TestServer, type TestServerOptions } from '../../helpers/server.js'
import { toolCalls } from '../../helpers/upstream-replies.js'

/** The one value of `include[]`. */
export const INCLUDE = 'include[]=step_details.tool_calls[*].file_search.results[*].content'
/** A model that calls the tool. */
export const search = (query: string) => toolCalls([{ name: 'file_search', arguments: { query } }])

/** A file, by its id. */
export async function uploaded (server: Pick<TestServer, 'baseURL'>, name: string, content: string): Promise<string> {
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new File([content], name))
  const response = await fetch(`${server.baseURL}/files`, { method: 'POST', body: form, headers: { authorization: 'Bearer sk-test' } })
  return (await response.json() as { id: string }).id
}

async function storeWith (server: TestServer, ...files: NamedFile[]): Promise<{ storeId: string, fileIds: string[] }> {
  const fileIds = await Promise.all(files.map(async ([name, content]) => await uploaded(server, name, content)))
  const { body: store } = await server.post('/vector_stores', { file_ids: fileIds })
  while ((await server.get(`/vector_stores/${store.id}`)).body.status !== 'completed');
  return { storeId: store.id, fileIds }
}

type NamedFile = [name: string, content: string]

/** An assistant that searches a store with these files. Options of the server may come first. */
export async function searcher (t: Test, ...given: [TestServerOptions, ...NamedFile[]] | NamedFile[]) {
  const [first, ...rest] = given
  const [options, files] = first === undefined || Array.isArray(first) ? [{}, given as NamedFile[]] : [first, rest as NamedFile[]]
  const server = await startServer(t, options)
  const { storeId, fileIds } = await storeWith(server, ...files)
  const assistant = await newAssistant(server, { tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: [storeId] } } })
  return { server, storeId, fileIds, assistant }
}
