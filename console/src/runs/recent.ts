import OpenAI from 'openai'
import { client, listThreads, type Run } from '../api.js'

const THREADS = 50
const RUNS = 20
const AT_ONCE = 6

export interface RecentRuns { runs: Run[], threads: number, hasMore: boolean }

/** The runs of the newest threads, newest first: the API lists runs only thread by thread. At most 20 of each of 50 threads. */
export async function recentRuns (): Promise<RecentRuns> {
  const page = await listThreads({ limit: THREADS })
  const waiting = [...page.data]
  const runs: Run[] = []
  const work = async (): Promise<void> => {
    for (let thread = waiting.shift(); thread !== undefined; thread = waiting.shift()) {
      const page = await client.value.beta.threads.runs.list(thread.id, { limit: RUNS }).catch((error: unknown) => {
        // It was deleted meanwhile.
        if (!(error instanceof OpenAI.NotFoundError)) throw error
      })
      runs.push(...page?.data ?? [])
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { runs: runs.sort((a, b) => b.created_at - a.created_at), threads: page.data.length, hasMore: page.has_more }
}
