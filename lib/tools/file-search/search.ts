import type { Run } from '../../../schemas/runs.js'
import type { RunStep, StepToolCall } from '../../../schemas/run-steps.js'
import type { Thread } from '../../../schemas/threads.js'
import type { AssistantTool } from '../../../schemas/tools.js'
import type { VectorStore } from '../../../schemas/vector-stores.js'
import { KIND } from '../../../storage/layout.js'
import type { RecordStore } from '../../../storage/record-store.js'
import type { Clock } from '../../shared/clock.js'
import type { ModelTool } from '../../models/provider.js'
import { tokenCounter } from '../../models/tokens.js'
import type { FoundChunk, StoreSearch } from '../../vector-stores/search.js'
import { markerOf, type FindSource } from './citations.js'
import type { ToolRunner } from '../tool.js'

export const FILE_SEARCH = 'file_search'

export type FileSearchCall = StepToolCall & { type: 'file_search' }

/** What the model is given of a result. */
export interface Passage {
  text: string
  /** Of a page or slide. */
  page?: number
}

/** What a search leaves beside what its step shows. */
export interface SearchRecord {
  /** As the model made them: JSON, valid or not. */
  arguments: string
  /** One for each result of the step. */
  passages: Passage[]
}

export interface SearchOutcome {
  fileSearch: FileSearchCall['file_search']
  passages: Passage[]
}

type FileSearchTool = AssistantTool & { type: 'file_search' }

/** Results of one search, and how many tokens they may have together (API reference, "File search"). */
const MAX_RESULTS = 20
const MAX_TOKENS = 16_000
/** How long a run waits for files of its thread to be indexed, and how often it looks for those that another instance indexes. */
const WAIT_MS = 60_000
const LOOK_MS = 250

/** The tool as a run has it; none when a function has taken its name. */
export function fileSearchOf (tools: readonly AssistantTool[]): FileSearchTool | undefined {
  if (tools.some(tool => tool.type === 'function' && tool.function.name === FILE_SEARCH)) return undefined
  return tools.find((tool): tool is FileSearchTool => tool.type === 'file_search')
}

/** The tool as the model sees it. */
export const FILE_SEARCH_FUNCTION: ModelTool = {
  name: FILE_SEARCH,
  description: 'Searches the files that the user and the assistant have provided. Use it before you answer from memory.',
  parameters: { type: 'object', properties: { query: { type: 'string', description: 'What to look for, in a few words or a question.' } }, required: ['query'], additionalProperties: false }
}

/** How a call begins: no results yet. */
export function beganSearch (tools: readonly AssistantTool[]): FileSearchCall['file_search'] {
  return { ranking_options: fileSearchOf(tools)?.file_search.ranking_options ?? { ranker: 'default_2024_08_21', score_threshold: 0 }, results: [] }
}

/**
 * What the model reads as the output of a search, with the markers that it is to cite by.
 *
 * @param number of the search within its run, from 0: the first number of its markers.
 */
export function searchOutput (number: number, call: FileSearchCall, passages: readonly Passage[]): string {
  const results = call.file_search.results.map(({ file_name: name }, i) => {
    const { text = '', page } = passages[i] ?? {}
    return `${markerOf(number, i, name)}${page === undefined ? '' : ` (page ${page})`}\n${text}`
  })
  if (results.length === 0) return 'Nothing was found in the files.'
  return 'Results, each behind its marker. Where your answer uses one, repeat its marker, exactly as it is written here, right behind the statement.\n\n' + results.join('\n\n')
}

/** The searches of a run's steps, oldest first. */
export function searchesOf (steps: Iterable<Pick<RunStep, 'step_details'>>): FileSearchCall[] {
  return [...steps].flatMap(({ step_details: details }) => details.type === 'tool_calls' ? details.tool_calls.filter((call): call is FileSearchCall => call.type === 'file_search') : [])
}

/** What markers stand for after these searches. */
export function sourcesOf (searches: readonly FileSearchCall[]): FindSource {
  return (search, result) => searches.at(search ?? -1)?.file_search.results[result]?.file_id
}

/** A step with the text of its search results (`include[]`), which is not part of its record. */
export function withPassages (step: RunStep, searches: Readonly<Record<string, SearchRecord>> | undefined): RunStep {
  if (step.step_details.type !== 'tool_calls' || searches === undefined) return step
  const calls = step.step_details.tool_calls.map((call): StepToolCall => call.type !== 'file_search'
    ? call
    : {
        ...call,
        file_search: {
          ...call.file_search,
          results: call.file_search.results.map((result, i) => ({ ...result, content: [{ type: 'text', text: searches[call.id]?.passages[i]?.text ?? '' }] }))
        }
      })
  return { ...step, step_details: { type: 'tool_calls', tool_calls: calls } }
}

export interface FileSearchServices {
  records: RecordStore
  clock: Clock
  search: StoreSearch
  /** The vector stores of one project. */
  stores (project: string): { find (id: string): Promise<VectorStore | undefined> }
  /** Resolves when this instance has indexed some file. */
  settled (): Promise<void>
}

/** Searches the vector stores of a run: those of its thread and those of its assistant, together. */
export class FileSearch {
  readonly #services: FileSearchServices

  constructor (services: FileSearchServices) {
    this.#services = services
  }

  /** Arguments that are none are answered with no results; what fails in the stores throws. */
  async run (project: string, run: Run, args: string, signal: AbortSignal): Promise<SearchOutcome> {
    const began = beganSearch(run.tools)
    const query = queryOf(args)
    if (query === '') return { fileSearch: began, passages: [] }
    const ofThread = await this.#threadStores(project, run.thread_id)
    await this.#waitForFiles(project, ofThread, signal)
    const limit = fileSearchOf(run.tools)?.file_search.max_num_results ?? MAX_RESULTS
    const threshold = began.ranking_options.score_threshold
    const storeIds = [...new Set([...ofThread, ...run.tool_resources?.file_search?.vector_store_ids ?? []])]
    const found = await Promise.all(storeIds.map(async storeId => {
      const store = await this.#services.stores(project).find(storeId)
      // Deleted or expired since the run began: as if it were empty.
      if (store === undefined || store.status === 'expired') return []
      return await this.#services.search.search({ project, storeId }, { texts: [query], limit, threshold }, signal)
    }))
    const results = await withinTokens(found.flat().sort((a, b) => b.score - a.score).slice(0, limit))
    return {
      fileSearch: { ...began, results: results.map(({ fileId, filename, score, attributes }) => ({ file_id: fileId, file_name: filename, score, attributes })) },
      passages: results.map(({ text, page }) => ({ text, ...page === undefined ? {} : { page } }))
    }
  }

  async #threadStores (project: string, threadId: string): Promise<string[]> {
    const thread = await this.#services.records.get<Thread>({ project, partition: threadId, kind: KIND.thread, id: threadId })
    return thread?.body.tool_resources?.file_search?.vector_store_ids ?? []
  }

  /** Files that the user has just attached are worth a wait; those of the assistant are not (API reference, "File search"). */
  async #waitForFiles (project: string, storeIds: readonly string[], signal: AbortSignal): Promise<void> {
    const { clock, stores, settled } = this.#services
    const until = clock.now() + WAIT_MS
    for (;;) {
      // Asked for before the look, so that nothing falls in between.
      const news = settled()
      const found = await Promise.all(storeIds.map(async id => await stores(project).find(id)))
      signal.throwIfAborted()
      if (!found.some(store => store?.status === 'in_progress') || clock.now() >= until) return
      await new Promise<void>(resolve => {
        const done = (): void => {
          cancel()
          signal.removeEventListener('abort', done)
          resolve()
        }
        const cancel = clock.after(LOOK_MS, done)
        signal.addEventListener('abort', done)
        news.then(done, done)
      })
    }
  }
}

/** These tools, and the search of files. */
export function withFileSearch (tools: ToolRunner, fileSearch: FileSearch): ToolRunner {
  return {
    offered: declared => tools.offered(declared),
    runsHere: async (call, declared) => await tools.runsHere(call, declared),
    execute: async (call, declared, context) => await tools.execute(call, declared, context),
    search: async (project, run, args, signal) => await fileSearch.run(project, run, args, signal)
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

/** As many of the results as the model is to read, the best at least. */
async function withinTokens (results: readonly FoundChunk[]): Promise<FoundChunk[]> {
  const count = await tokenCounter()
  let tokens = 0
  return results.filter(({ text }, i) => {
    tokens += count(text)
    return i === 0 || tokens <= MAX_TOKENS
  })
}
