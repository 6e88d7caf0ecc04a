import type { AssistantTool, AssistantToolParam, CreateToolResourcesParam, ToolResources, ToolResourcesParam } from '../../schemas/tools.js'
import type { CreateVectorStoreRequest } from '../../schemas/vector-stores.js'
import { notFound } from '../shared/errors.js'
import { existingFiles, requireFiles } from '../files/find.js'
import type { Scope } from '../shared/scope.js'

/** Tools as responses show them: with the defaults that the caller left out (API reference, "The assistant object"). */
export function echoTools (tools: readonly AssistantToolParam[]): AssistantTool[] {
  return tools.map((tool): AssistantTool => {
    switch (tool.type) {
      case 'function':
        return {
          type: 'function',
          function: {
            ...tool.function,
            parameters: tool.function.parameters ?? { type: 'object', properties: {} },
            strict: tool.function.strict ?? false
          }
        }
      case 'file_search':
        return {
          type: 'file_search',
          file_search: {
            ...tool.file_search,
            ranking_options: {
              ranker: tool.file_search?.ranking_options?.ranker ?? 'default_2024_08_21',
              score_threshold: tool.file_search?.ranking_options?.score_threshold ?? 0
            }
          }
        }
      case 'code_interpreter':
        return { type: 'code_interpreter' }
    }
  })
}

interface ResourceContext {
  tools?: readonly AssistantTool[]
  old?: ToolResources | null
  /** Makes a vector store; its id. */
  make?: (request: CreateVectorStoreRequest) => Promise<string>
}

/**
 * Tool resources as responses show them. A part that is not given keeps its old value; what is given replaces it whole;
 * null clears everything.
 * Every id must name something that exists.
 *
 * @param given tools that want resources, the old ones, and how a store is made that a new assistant or thread asks for.
 */
export async function resolveToolResources (
  scope: Scope,
  requested: CreateToolResourcesParam | ToolResourcesParam | null | undefined,
  { tools = [], old = null, make }: ResourceContext = {}
): Promise<ToolResources> {
  if (requested === null) old = null
  const files = requested?.code_interpreter?.file_ids
  const stores = requested?.file_search?.vector_store_ids
  await requireFiles(scope, files ?? [])
  const [store] = stores ?? []
  if (store !== undefined && await scope.vectorStores?.stores.find(store) === undefined) throw notFound('vector store', store)
  const made = await makeStore(requested?.file_search, make)
  const resources: ToolResources = {}
  const wantsInterpreter = tools.some(tool => tool.type === 'code_interpreter')
  const fileIds = files ?? old?.code_interpreter?.file_ids ?? (wantsInterpreter ? [] : undefined)
  if (fileIds !== undefined) resources.code_interpreter = { file_ids: fileIds }
  const storeIds = made ?? stores ?? old?.file_search?.vector_store_ids
  if (storeIds !== undefined) resources.file_search = { vector_store_ids: storeIds }
  return resources
}

/** The store that is to be made for a new assistant or thread, if one is. */
async function makeStore (requested: NonNullable<CreateToolResourcesParam>['file_search'], make: ResourceContext['make']): Promise<string[] | undefined> {
  const [wanted] = requested?.vector_stores ?? []
  return wanted === undefined || make === undefined ? undefined : [await make(wanted)]
}

/**
 * An assistant or a thread without the files that were deleted since: they leave every list of the code interpreter (API
 * reference, "Delete file"). Looked up when the list is read, so that deleting a file need not look for its users.
 */
export async function withoutDeletedFiles<T extends { tool_resources: ToolResources | null }> (scope: Scope, object: T): Promise<T> {
  const listed = object.tool_resources?.code_interpreter?.file_ids ?? []
  const existing = listed.length === 0 ? listed : await existingFiles(scope, listed)
  if (existing.length === listed.length) return object
  return { ...object, tool_resources: { ...object.tool_resources, code_interpreter: { file_ids: existing } } }
}
