/** The search index that each instance keeps of its own: what a search takes as it grows, and what the index takes. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WorkerIndex } from '../../lib/retrieval/index/worker-index.js'
import { seeded, wordOf } from '../data/words.js'
import { each, now, quantile } from '../table/load.js'

export interface ChunkLevel {
  chunks: number
  /** Of six words of the texts, without and with a vector beside them. */
  wordsMs: { p50: number, p99: number }
  bothMs: { p50: number, p99: number }
  fileBytes: number
  /** By which the process has grown. */
  rssBytes: number
  /** Chunks a second put into the index since the level before. */
  perS: number
}

export const CHUNK_WORDS = 500
export const DIMENSIONS = 256
const PER_FILE = 100

export async function chunks (quick: boolean): Promise<ChunkLevel[]> {
  const folder = mkdtempSync(join(tmpdir(), 'openai-compat-scale-'))
  const index = new WorkerIndex(async () => ({ path: join(folder, 'search.db'), identity: 'bench', maxVectorBytes: 2 ** 30, temporary: true }))
  const store = { project: 'bench', storeId: 'vs_bench' }
  const random = seeded(2)
  const text = (words: number): string => Array.from({ length: words }, () => `w${wordOf(random).toString(36)}x`).join(' ')
  const vector = (): Float32Array => Float32Array.from({ length: DIMENSIONS }, () => random() - 0.5)
  const before = process.memoryUsage.rss()
  const levels: ChunkLevel[] = []
  try {
    let files = 0
    for (const count of quick ? [200, 1000] : [1000, 10_000]) {
      const [began, first] = [now(), files]
      for (; files < count / PER_FILE; files++) {
        const file = { fileId: `f${files}`, name: '', generation: `f${files}`, attributes: {}, model: 'stand-in' }
        await index.addChunks(store, file, Array.from({ length: PER_FILE }, (_, number) => ({ number, text: text(CHUNK_WORDS), vector: vector() })))
        await index.addFile(store, file, files + 1)
      }
      const perS = (files - first) * PER_FILE / (now() - began) * 1000
      const timed = async (near: boolean): Promise<ChunkLevel['wordsMs']> => {
        const search = async (): Promise<unknown> => await index.search([store], { text: text(6), ...near ? { near: { model: 'stand-in', vector: vector() } } : {}, limit: 20 })
        const times = (await each(quick ? 60 : 320, search)).slice(20)
        return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
      }
      const [wordsMs, bothMs] = [await timed(false), await timed(true)]
      const fileBytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
      levels.push({ chunks: count, wordsMs, bothMs, fileBytes, rssBytes: process.memoryUsage.rss() - before, perS })
    }
    return levels
  } finally {
    await index.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
