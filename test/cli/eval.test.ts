import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { evaluate } from '../../lib/retrieval/evaluation.js'
import { startCli } from '../helpers/process.js'
import { startUpstream } from '../helpers/upstream.js'

const collection = {
  docs: [{ id: 'a', text: 'Penguins live in Antarctica.' }, { id: 'b', text: 'Bread is baked at night.' }, { id: 'c', text: 'The harbour has nine cranes.' }],
  queries: [
    { id: '1', text: 'Where does a penguin live?', rel: { a: 1 } },
    { id: '2', text: 'When do people bake breads?', rel: { b: 2, c: 1 } },
    { id: '3', text: 'Nobody has judged this one.', rel: {} }
  ]
}

test('eval measures search on a collection, by words and with the configured embedding model', async t => {
  const upstream = await startUpstream(t)
  const config = { provider: { baseURL: upstream.url }, retrieval: { embeddings: { model: 'stand-in' } } }
  const cwd = t.testdir({ 'collection.json': JSON.stringify(collection), 'with.json': JSON.stringify(config) })
  const line = /: 2 questions, 3 documents: nDCG@10 (0\.9\d{3}|1\.0000) recall@10 1\.0000 MRR@10 1\.0000\n {2}score_threshold 0\.1: keeps \d/
  const words = await startCli(t, { args: ['eval', 'collection.json'], cwd }).exited
  t.match(words, { code: 0, stdout: new RegExp(`^words${line.source}`), stderr: '' })
  const both = await startCli(t, { args: ['eval', '--config', 'with.json', 'collection.json'], cwd }).exited
  t.match(both, { code: 0, stdout: new RegExp(`^words${line.source}[^]*\\nwords and stand-in${line.source}`) })
})

test('what eval cannot read is refused with one sentence', async t => {
  const cwd = t.testdir()
  await writeFile(join(cwd, 'list.json'), '[]')
  await writeFile(join(cwd, 'text.json'), 'docs')
  t.match(await startCli(t, { args: ['eval', 'none.json'], cwd }).exited, { code: 1, stderr: 'fastify-openai-compat: The file none.json cannot be read: it does not exist.\n' })
  t.match(await startCli(t, { args: ['eval', 'text.json'], cwd }).exited, { code: 1, stderr: 'fastify-openai-compat: The file text.json is not valid JSON.\n' })
  t.match(await startCli(t, { args: ['eval', 'list.json'], cwd }).exited, { code: 1, stderr: /^fastify-openai-compat: The file list\.json must hold / })
  t.throws(() => readCommand(['eval'], {}), { message: 'eval needs a file with documents and questions: see --help.' })
  t.throws(() => readCommand(['eval', 'a', 'b'], {}), { message: 'eval takes one file, not "b" as well.' })
  t.throws(() => readCommand(['eval', 'a', '--port', '1'], {}), { message: 'Unknown option \'--port\': see --help.' })
  t.match(readCommand(['eval', 'a', '--config', 'c.json'], {}), { run: 'eval', file: 'a', values: { config: 'c.json' } })
  t.match(readCommand(['eval', '--help'], {}), { run: 'help' })
})

test('the measures are those of trec_eval', async t => {
  const rankings: Record<string, string[]> = { one: ['x', 'a', 'b'], two: ['a'], three: [] }
  const queries = [{ id: '1', text: 'one', rel: { a: 3, b: 1 } }, { id: '2', text: 'two', rel: { a: 1 } }, { id: '3', text: 'three', rel: { a: 1 } }]
  const { questions, ndcg, recall, mrr } = await evaluate({ docs: [], queries }, async ({ text }) => rankings[text]!)
  const first = (3 / Math.log2(3) + 1 / Math.log2(4)) / (3 + 1 / Math.log2(3))
  t.equal(questions, 3)
  t.ok(Math.abs(ndcg - (first + 1) / 3) < 1e-12)
  t.equal(recall, 2 / 3)
  t.equal(mrr, 1.5 / 3)
})
