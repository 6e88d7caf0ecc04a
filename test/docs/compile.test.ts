import { test } from 'tap'
import { blocksIn } from './helpers/blocks.js'
import { complaintsOf } from './helpers/compile.js'

test('every TypeScript block compiles in strict mode', async t => {
  // Copies of files are compiled where those are.
  const blocks = blocksIn('ts').filter(block => block.file === undefined)
  t.ok(blocks.length > 0)
  t.strictSame(complaintsOf(blocks), [])
})

test('a block that does not compile is named with its page and line', async t => {
  const bad = { page: 'docs/none.md', line: 10, language: 'ts', runs: false, file: undefined, code: "import { createOpenAIServer } from 'fastify-openai-compat'\ncreateOpenAIServer(undefined, { apikeys: [] })\n" }
  t.match(complaintsOf([bad]), [/^docs\/none\.md:11: .*'apikeys'/])
})
