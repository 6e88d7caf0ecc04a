import type { AssistantTool, AssistantToolParam, CreateToolResourcesParam, ToolResources, ToolResourcesParam } from '../../schemas/tools.js'
import { badRequest, notFound } from '../errors.js'
import { existingFiles, requireFiles } from '../files/find.js'
import type { Scope } from '../scope.js'

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

/**
 * Tool resources as responses show them. A part that is not given keeps its old value; what is given replaces it whole;
 * null clears everything.
 * Every id must name something that exists.
 */
export async function resolveToolResources (
  scope: Scope,
  requested: CreateToolResourcesParam | ToolResourcesParam | null | undefined,
  tools: readonly AssistantTool[] = [],
  old: ToolResources | null = null
): Promise<ToolResources> {
  if (requested === null) old = null
  const files = requested?.code_interpreter?.file_ids
  const stores = requested?.file_search?.vector_store_ids
  await requireFiles(scope, files ?? [])
  const [store] = stores ?? []
  if (store !== undefined && await scope.stores?.stores.find(store) === undefined) throw notFound('vector store', store)
  const made = await makeStore(scope, requested?.file_search)
  const resources: ToolResources = {}
  const wantsInterpreter = tools.some(tool => tool.type === 'code_interpreter')
  const fileIds = files ?? old?.code_interpreter?.file_ids ?? (wantsInterpreter ? [] : undefined)
  if (fileIds !== undefined) resources.code_interpreter = { file_ids: fileIds }
  const storeIds = made ?? stores ?? old?.file_search?.vector_store_ids
  if (storeIds !== undefined) resources.file_search = { vector_store_ids: storeIds }
  return resources
}

/** The store that is to be made for a new assistant or thread, if one is. */
async function makeStore (scope: Scope, requested: NonNullable<CreateToolResourcesParam>['file_search']): Promise<string[] | undefined> {
  const [wanted] = requested?.vector_stores ?? []
  if (wanted === undefined) return undefined
  if (scope.stores === undefined) {
    throw badRequest('Vector stores are not available on this server.', { param: 'tool_resources.file_search.vector_stores', code: 'unsupported_parameter' })
  }
  return [(await scope.stores.stores.create(wanted)).id]
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
