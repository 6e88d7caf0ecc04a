import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import ts from 'typescript'
import { createOpenAIServer, echo } from '../../../lib/index.js'
import { startProcess } from '../../helpers/process.js'
import { startUpstream, text } from '../../helpers/upstream.js'
import { blocksIn, where, type Block } from './blocks.js'
import { packageOn } from './shim.js'

/** A folder in which blocks run, with the package as it is now, and the addresses that stand in for those of the docs. */
async function stage (t: Test, kind: 'memory' | 'sqlite') {
  const folder = t.testdir()
  const upstream = await startUpstream(t, { respond: () => text('Hello from the model.') })
  const storage = kind === 'memory' ? 'memory:' : `sqlite:${folder}/server.db`
  // What the clients of the docs talk to: open, so that any key will do, and with the model that needs no vendor.
  const server = createOpenAIServer({ providers: { echo: echo(), vendor: { baseURL: upstream.url } } }, { port: 0, host: '127.0.0.1', storage })
  t.teardown(async () => await server.stop())
  await server.start()
  const shim = join(folder, 'package.mjs')
  writeFileSync(shim, packageOn(kind === 'memory' ? 'memory:' : 'sqlite:./default.db'))

  return {
    async run (t: Test, block: Block) {
      // One each, for a SQLite file has one process.
      const cwd = join(folder, where(block).replace(/\W/g, '-'))
      mkdirSync(cwd)
      const code = block.code
        .replaceAll("'fastify-openai-compat'", "'../package.mjs'")
        .replaceAll('http://127.0.0.1:11434/v1', upstream.url)
        .replaceAll('http://127.0.0.1:8080/v1', server.getBaseUrl())
        .replaceAll('http://127.0.0.1:8080', server.getUrl())
        .replaceAll('port: 8080', 'port: 0')
        .replace(/'sqlite:[^']*'/g, url => kind === 'memory' ? "'memory:'" : url)
      // A program that serves has no end of its own.
      const end = /\bapp\.listen\(/.test(code) ? '\nawait app.close()\n' : ''
      const { outputText } = ts.transpileModule(code + end, { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true } })
      writeFileSync(join(cwd, 'block.mjs'), outputText)
      return await startProcess(t, process.execPath, { args: ['block.mjs'], cwd }).exited
    }
  }
}

/**
 * Runs every block that says it runs as it stands, in a process of its own, which has to end by itself. One test file for
 * each kind of storage, so that none takes long.
 */
export function runBlocksOn (kind: 'memory' | 'sqlite'): void {
  const blocks = blocksIn('ts').filter(block => block.runs)
  test(`the blocks that run do so, on ${kind}`, { timeout: 600_000, jobs: 2 }, async t => {
    t.ok(blocks.length > 0)
    const { run } = await stage(t, kind)
    await Promise.all(blocks.map(async block => await t.test(where(block), { timeout: 300_000, buffered: true }, async t => {
      const { code, signal, stdout, stderr } = await run(t, block)
      t.strictSame({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, stdout)
      if (/console\.log|stdout\.write/.test(block.code)) t.not(stdout, '', 'says something')
    })))
  })
}
