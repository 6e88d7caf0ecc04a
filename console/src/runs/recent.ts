import OpenAI from 'openai'
import { client, listThreads, type Run } from '../api.js'

const THREADS = 50
const RUNS = 20
const AT_ONCE = 6

/** Runs of one thread: those older than `after`, or its newest. */
interface Source { threadId: string, after?: string }

/** What has not been looked at yet: threads older than one but for some, and older runs of threads that have many. */
export interface Rest { threadsAfter: string | undefined, early: string[], sources: Source[] }

export interface RecentRuns { runs: Run[], rest: Rest | undefined }

/**
 * Runs of the newest threads and of those that had one lately, newest first, and then, from what was left, those of older threads and older ones of the same: the API lists
 * runs only thread by thread. At most 20 of each thread, and of 50 more threads, at a time.
 */
export async function recentRuns (from?: Rest): Promise<RecentRuns> {
  const isLast = from !== undefined && from.threadsAfter === undefined
  const [page, lively] = await Promise.all([
    isLast ? undefined : listThreads({ limit: THREADS, ...from?.threadsAfter === undefined ? {} : { after: from.threadsAfter } }),
    from === undefined ? listThreads({ recent_runs: true }) : undefined
  ])
  const listed = (page?.data ?? []).map(({ id }) => id)
  const early = from?.early ?? (lively?.data ?? []).map(({ id }) => id).filter(id => !listed.includes(id))
  const fresh = from === undefined ? [...early, ...listed] : listed.filter(id => !early.includes(id))
  const waiting: Source[] = [...from?.sources ?? [], ...fresh.map(id => ({ threadId: id }))]
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
  return { runs: newestFirst(runs), rest: threadsAfter === undefined && sources.length === 0 ? undefined : { threadsAfter, early, sources } }
}

export const newestFirst = (runs: readonly Run[]): Run[] => runs.toSorted((a, b) => b.created_at - a.created_at)
