import type { AssistantTool, AssistantToolParam, CreateToolResourcesParam, ToolResources, ToolResourcesParam } from '../../schemas/tools.js'
import { ApiError, badRequest, notFound } from '../errors.js'

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
export function resolveToolResources (
  requested: CreateToolResourcesParam | ToolResourcesParam | null | undefined,
  tools: readonly AssistantTool[] = [],
  old: ToolResources | null = null
): ToolResources {
  if (requested === null) old = null
  const files = requested?.code_interpreter?.file_ids
  const stores = requested?.file_search?.vector_store_ids
  refuseUnknownFiles(files ?? [])
  const [store] = stores ?? []
  if (store !== undefined) throw notFound('vector store', store)
  if (requested?.file_search !== undefined && 'vector_stores' in requested.file_search) {
    throw badRequest('Vector stores are not available on this server.',
      { param: 'tool_resources.file_search.vector_stores', code: 'unsupported_parameter' })
  }
  const resources: ToolResources = {}
  const wantsInterpreter = tools.some(tool => tool.type === 'code_interpreter')
  const fileIds = files ?? old?.code_interpreter?.file_ids ?? (wantsInterpreter ? [] : undefined)
  if (fileIds !== undefined) resources.code_interpreter = { file_ids: fileIds }
  const storeIds = stores ?? old?.file_search?.vector_store_ids
  if (storeIds !== undefined) resources.file_search = { vector_store_ids: storeIds }
  return resources
}

/** Nothing can be attached that was not uploaded. */
export function refuseUnknownFiles (ids: readonly string[], param: string | null = null): void {
  if (ids.length > 0) throw new ApiError(404, `Files [${ids.join(', ')}] were not found`, { param })
}
