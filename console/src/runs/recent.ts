import OpenAI from 'openai'
import { client, listThreads, type Run } from '../api.js'

const THREADS = 50
const RUNS = 20
const AT_ONCE = 6

/** Runs of one thread: those older than `after`, or its newest. */
interface Source { threadId: string, after?: string }

/** What has not been looked at yet: threads older than one, and older runs of threads that have many. */
export interface Rest { threadsAfter: string | undefined, sources: Source[] }

export interface RecentRuns { runs: Run[], rest: Rest | undefined }

/**
 * Runs of the newest threads, newest first, and then, from what was left, those of older threads and older ones of the same: the API lists
 * runs only thread by thread. At most 20 of each thread, and of 50 more threads, at a time.
 */
export async function recentRuns (from?: Rest): Promise<RecentRuns> {
  const isLast = from !== undefined && from.threadsAfter === undefined
  const page = isLast ? undefined : await listThreads({ limit: THREADS, ...from?.threadsAfter === undefined ? {} : { after: from.threadsAfter } })
  const waiting: Source[] = [...from?.sources ?? [], ...(page?.data ?? []).map(({ id }) => ({ threadId: id }))]
  const runs: Run[] = []
  const sources: Source[] = []
  const work = async (): Promise<void> => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const { threadId, ...after } = source
      const page = await client.value.beta.threads.runs.list(threadId, { limit: RUNS, ...after }).catch((error: unknown) => {
        // It was deleted meanwhile.
        if (!(error instanceof OpenAI.NotFoundError)) throw error
      })
      runs.push(...page?.data ?? [])
      const last = page?.data.at(-1)
      if (page?.has_more === true && last !== undefined) sources.push({ threadId, after: last.id })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const threadsAfter = page?.has_more === true ? page.last_id ?? undefined : undefined
  return { runs: newestFirst(runs), rest: threadsAfter === undefined && sources.length === 0 ? undefined : { threadsAfter, sources } }
}

export const newestFirst = (runs: readonly Run[]): Run[] => runs.toSorted((a, b) => b.created_at - a.created_at)
