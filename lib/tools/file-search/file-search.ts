import type { StepToolCallDelta } from '../../../schemas/run-steps.js'
import type { AssistantTool, AssistantToolParam } from '../../../schemas/tools.js'
import type { ModelTool, ModelToolCall } from '../../models/provider.js'
import type { Annotator, BuiltInContext, BuiltInResources, BuiltInResult, BuiltInTool } from '../built-in-tool.js'
import { CitationAnnotator, markerOf } from './citations.js'
import { fileSearchResources, type FindVectorStores } from './resources.js'
import type { FileSearchCall, FileSearcher, ResultText } from './search.js'

export type FileSearchDeclaration = AssistantTool & { type: 'file_search' }
export type FileSearchDelta = Omit<StepToolCallDelta & { type: 'file_search' }, 'index'>

/** The texts of a call's results, which its step shows only with `include[]`. */
export type KeptTexts = ResultText[]

const FILE_SEARCH_FUNCTION: ModelTool = {
  name: 'file_search',
  description: 'Searches the files that the user and the assistant have provided. Use it before you answer from memory.',
  parameters: { type: 'object', properties: { query: { type: 'string', description: 'What to look for, in a few words or a question.' } }, required: ['query'], additionalProperties: false }
}

/** Most results of one search (API reference, "File search"). */
const MAX_RESULTS = 20

export interface FileSearchToolOptions {
  vectorStores: FindVectorStores
  /** Absent where nothing is indexed: models are not offered the tool. */
  searcher?: FileSearcher | undefined
}

/** `file_search` (API reference, "File search"): searches the vector stores of a run's thread and of its assistant. */
export class FileSearchTool implements BuiltInTool<FileSearchDeclaration, FileSearchCall, KeptTexts, FileSearchDelta> {
  readonly type = 'file_search'
  readonly resources: BuiltInResources
  readonly #searcher: FileSearcher | undefined

  constructor ({ vectorStores, searcher }: FileSearchToolOptions) {
    this.#searcher = searcher
    this.resources = fileSearchResources(vectorStores)
  }

  declare (param: AssistantToolParam & { type: 'file_search' }): FileSearchDeclaration {
    const given = param.file_search
    return {
      type: 'file_search',
      file_search: {
        ...given,
        ranking_options: {
          ranker: given?.ranking_options?.ranker ?? 'default_2024_08_21',
          score_threshold: given?.ranking_options?.score_threshold ?? 0
        }
      }
    }
  }

  offer (): ModelTool | undefined {
    return this.#searcher === undefined ? undefined : FILE_SEARCH_FUNCTION
  }

  begin ({ id }: ModelToolCall, declared: FileSearchDeclaration): FileSearchCall {
    return { id, type: 'file_search', file_search: { ranking_options: declared.file_search.ranking_options, results: [] } }
  }

  /** Yields nothing: results are shown when the step ends, as the real API does. */
  async * run (call: ModelToolCall, context: BuiltInContext<FileSearchDeclaration>): AsyncGenerator<FileSearchDelta, BuiltInResult<FileSearchCall, KeptTexts>, void> {
    const { declared, project, signal } = context
    const began = this.begin(call, declared)
    const query = queryOf(call.arguments)
    if (query === '' || this.#searcher === undefined) return { call: began, kept: [] }
    const ofThread = (await context.threadResources())?.file_search?.vector_store_ids ?? []
    const found = await this.#searcher.search(project, {
      query,
      // The user has just attached those of the thread: they are worth a wait, the assistant's are not (API reference, "File search").
      waitFor: ofThread,
      storeIds: [...new Set([...ofThread, ...context.resources?.file_search?.vector_store_ids ?? []])],
      limit: declared.file_search.max_num_results ?? MAX_RESULTS,
      threshold: declared.file_search.ranking_options.score_threshold
    }, signal)
    return {
      call: { ...began, file_search: { ...began.file_search, results: found.map(({ result }) => result) } },
      kept: found.map(({ text }) => text)
    }
  }

  /**
   * The results with the markers that the model is to cite them by; `ordinal` is the first number of a marker. Those of an earlier run
   * have none: their numbers would stand for results of this one.
   */
  output (call: FileSearchCall, kept: KeptTexts = [], ordinal: number | undefined): string {
    const results = call.file_search.results.map(({ file_name: name }, i) => {
      const { text = '', page } = kept[i] ?? {}
      return `${ordinal === undefined ? name : markerOf(ordinal, i, name)}${page === undefined ? '' : ` (page ${page})`}\n${text}`
    })
    if (results.length === 0) return 'Nothing was found in the files.'
    if (ordinal === undefined) return results.join('\n\n')
    return 'Results, each behind its marker. Where your answer uses one, repeat its marker, exactly as it is written here, right behind the statement.\n\n' + results.join('\n\n')
  }

  /** The results come with the end of the step, as in a live stream. */
  replay (call: FileSearchCall): FileSearchDelta[] {
    return [{ ...call, file_search: { ...call.file_search, results: [] } }]
  }

  /** The only value of `include[]` adds the text of results. */
  including (call: FileSearchCall, kept: KeptTexts | undefined, include: readonly string[]): FileSearchCall {
    if (include.length === 0 || kept === undefined) return call
    const results = call.file_search.results.map((result, i) => ({ ...result, content: [{ type: 'text' as const, text: kept[i]?.text ?? '' }] }))
    return { ...call, file_search: { ...call.file_search, results } }
  }

  annotator (calls: readonly FileSearchCall[]): Annotator {
    return new CitationAnnotator((search, result) => calls.at(search ?? -1)?.file_search.results[result]?.file_id)
  }
}

function queryOf (args: string): string {
  try {
    const { query } = JSON.parse(args) as { query?: unknown }
    return typeof query === 'string' ? query.trim() : ''
  } catch {
    return ''
  }
}
