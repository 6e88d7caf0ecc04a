import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { whyUnreadable } from '../../storage/base/file-words.js'
import { Core } from '../core.js'
import { resolveOptions, type OpenAICompatOptions } from '../options/options.js'
import type { RetrievalOptions } from '../vector-stores/service.js'
import { DEPTH, evaluate, type Collection, type Measures } from '../retrieval/evaluation.js'
import type { Logger } from '../shared/log.js'
import { readConfigFile } from './config-file.js'
import { configure } from './configure.js'
import { OperatorError } from './errors.js'
import { number, Progress } from './progress.js'
import type { Values } from './settings.js'

/** Files that are attached with one request. */
const BATCH = 500
const LOOK_MS = 100
/** Passages that a question asks for: several may be of one document. */
const PASSAGES = 30
const THRESHOLDS = [0.1, 0.2, 0.3, 0.4, 0.5]

/**
 * Measures search on a collection: by words, and once more with the embedding model that the configuration names, if it names one. Everything
 * is kept in memory and gone afterwards.
 */
export async function runEval (path: string, values: Values): Promise<void> {
  const collection = await readCollection(path)
  const { config } = configure(values, await readConfigFile(values.config, process.cwd()))
  const { provider, providers, defaultProvider, aliases, retrieval: given } = config
  const retrieval: RetrievalOptions = { ...given, index: 'local' }
  const models = { ...provider === undefined ? {} : { provider }, ...providers === undefined ? {} : { providers }, ...defaultProvider === undefined ? {} : { defaultProvider }, ...aliases === undefined ? {} : { aliases } }
  const { embeddings = 'none' } = retrieval
  await measure('words', collection, { ...models, retrieval: { ...retrieval, embeddings: 'none' } })
  if (embeddings !== 'none') await measure(embeddings === 'auto' ? 'words and vectors' : `words and ${embeddings.model}`, collection, { ...models, retrieval })
}

async function readCollection (path: string): Promise<Collection> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => { throw new OperatorError(`The file ${path} cannot be read: ${whyUnreadable(error)}.`, { cause: error }) })
  let collection: Partial<Collection> | null
  try {
    collection = JSON.parse(text) as Partial<Collection> | null
  } catch (error) {
    throw new OperatorError(`The file ${path} is not valid JSON.`, { cause: error })
  }
  const { docs, queries } = collection ?? {}
  const isWhole = Array.isArray(docs) && docs.every(doc => typeof doc?.text === 'string') &&
    Array.isArray(queries) && queries.some(query => typeof query?.text === 'string' && Object.values(query.rel ?? {}).some(grade => grade > 0))
  if (!isWhole) throw new OperatorError(`The file ${path} must hold { docs: [{ id, text }], queries: [{ id, text, rel: { docId: grade } }] } with an answer to at least one question.`)
  return collection as Collection
}

async function measure (name: string, collection: Collection, options: OpenAICompatOptions): Promise<void> {
  const core = new Core(resolveOptions({ ...options, storage: 'memory:' }), log)
  try {
    await core.start()
    const { vectorStores } = core.project('eval')
    const { store, documents } = await indexed(core, collection)
    const hits: { score: number, isRelevant: boolean }[] = []
    const measures = await evaluate(collection, async ({ text, rel }) => {
      const { data } = await vectorStores.search(store, { query: text, max_num_results: PASSAGES }, new AbortController().signal)
      // A document stands where its best passage does.
      const found = new Map<string, number>()
      for (const { file_id: file, score } of data) {
        const id = documents.get(file)!
        if (!found.has(id)) found.set(id, score)
      }
      hits.push(...[...found].slice(0, DEPTH).map(([id, score]) => ({ score, isRelevant: (rel[id] ?? 0) > 0 })))
      return [...found.keys()]
    })
    process.stdout.write(report(name, collection, measures, hits))
  } finally {
    await core.stop()
  }
}

async function indexed (core: Core, { docs }: Collection): Promise<{ store: string, documents: Map<string, string> }> {
  const { files, vectorStores } = core.project('eval')
  const progress = new Progress('Indexing')
  const documents = new Map<string, string>()
  for (const [i, { id, text }] of docs.entries()) {
    const bytes = Buffer.from(text.trim() === '' ? '(empty)' : text)
    const file = await files.create({ filename: `document-${i}.txt`, purpose: 'assistants' }, (async function * () { yield bytes })())
    documents.set(file.id, String(id))
  }
  const ids = [...documents.keys()]
  const { id: store } = await vectorStores.stores.create({})
  for (let i = 0; i < ids.length; i += BATCH) await vectorStores.batches.create(store, { file_ids: ids.slice(i, i + BATCH) })
  for (;;) {
    const { file_counts: counts } = await vectorStores.stores.get(store)
    progress.show(counts.total - counts.in_progress, counts.total, `${number(counts.total - counts.in_progress)} documents`)
    if (counts.failed > 0) throw new OperatorError(`${number(counts.failed)} documents could not be indexed.`)
    if (counts.in_progress === 0) break
    await setTimeout(LOOK_MS)
  }
  progress.end()
  return { store, documents }
}

function report (name: string, { docs }: Collection, { questions, ndcg, recall, mrr }: Measures, hits: readonly { score: number, isRelevant: boolean }[]): string {
  const relevant = hits.filter(({ isRelevant }) => isRelevant)
  const others = hits.filter(({ isRelevant }) => !isRelevant)
  const percent = (part: number, whole: number): string => `${(whole === 0 ? 0 : 100 * part / whole).toFixed(1)} %`
  return [
    `${name}: ${number(questions)} questions, ${number(docs.length)} documents: nDCG@10 ${ndcg.toFixed(4)} recall@10 ${recall.toFixed(4)} MRR@10 ${mrr.toFixed(4)}`,
    ...THRESHOLDS.map(threshold => `  score_threshold ${threshold}: keeps ${percent(relevant.filter(({ score }) => score >= threshold).length, relevant.length)} of the relevant ` +
      `documents among the first ten, leaves out ${percent(others.filter(({ score }) => score < threshold).length, others.length)} of the others`),
    ''
  ].join('\n')
}

const log: Logger = { debug () {}, info () {}, warn: warned, error: warned }

function warned (...args: unknown[]): void {
  process.stderr.write(`${args.map(arg => typeof arg === 'string' ? arg : (arg as { err?: Error }).err?.message ?? '').filter(text => text !== '').join(': ')}\n`)
}
