/**
 * The package as its users get it: packed, installed in an empty folder, registered, typed, and run. Takes a minute and needs a
 * package registry, so .ci/run starts it and `npm test` does not.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { root } from '../helpers/paths.js'
import { startCommand } from '../helpers/process.js'

const execute = promisify(execFile)
// Beside no node_modules of ours.
const folder = mkdtempSync(join(tmpdir(), 'openai-compat-package-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Of the tarball. What a user downloads grows by decision, not by accident. */
const MAX_BYTES = 5_000_000
let tarball = ''

const bin = join(folder, 'node_modules/.bin/fastify-openai-compat')

async function inFolder (command: string, args: string[]): Promise<string> {
  const { stdout } = await execute(command, args, { cwd: folder, maxBuffer: 1 << 24 }).catch((error: Error & { stdout: string, stderr: string }) => {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`)
  })
  return stdout
}

test('npm pack, and an installation without what is for development', { timeout: 300_000 }, async t => {
  const { stdout } = await execute('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root, maxBuffer: 1 << 24 })
  // The build speaks first.
  const [{ filename, files, size }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ filename: string, files: { path: string }[], size: number }]
  tarball = join(folder, filename)
  t.comment(`${filename}: ${size} bytes, ${files.length} files`)
  t.ok(size < MAX_BYTES, `${size} bytes are below ${MAX_BYTES}`)
  const paths = files.map(file => file.path)
  for (const path of ['package.json', 'LICENSE', 'CHANGELOG.md', 'README.md', 'dist/lib/index.js', 'dist/lib/index.d.ts', 'dist/lib/index.cjs', 'dist/lib/index.d.cts', 'dist/lib/cli.js', 'dist/lib/LICENSES', 'dist/pdf/cmaps/UniGB-UCS2-H.bcmap', 'dist/pdf/pdfjs.mjs', 'dist/pdf/LICENSE', 'dist/pdf/LICENSE-unpdf', 'dist/tokens/o200k_base.js', 'dist/tokens/LICENSE']) t.ok(paths.includes(path), path)
  t.strictSame(paths.filter(path => /^(build|test|bench|scripts|node_modules|\.ci|\.tap)\/|^(?!examples\/).*(?<!\.d)\.ts$|tsbuildinfo/.test(path)), [], 'nothing else')
  const modules = paths.filter(path => /^dist\/lib\/.*\.js$/.test(path)).length
  t.ok(modules < 120, `${modules} files hold all modules: a start finds and reads each`)

  writeFileSync(join(folder, 'package.json'), '{"name":"consumer","version":"1.0.0","type":"module","private":true}')
  await inFolder('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', `./${filename}`])
  t.ok(statSync(bin).mode & 0o100, 'the command can be executed')
})

test('the plugin registers and answers', async t => {
  writeFileSync(join(folder, 'plugin.js'), `
    import Fastify from 'fastify'
    import openaiCompat, { openaiCompat as named, createOpenAIServer, OpenAIServer, ApiError, echo } from 'fastify-openai-compat'
    const app = Fastify()
    await app.register(openaiCompat, { prefix: '/v1', provider: echo(), storage: 'sqlite:./data.db' })
    const answer = await app.inject({ method: 'POST', url: '/v1/assistants', payload: { model: 'echo' } })
    await app.close()
    const server = createOpenAIServer()
    console.log(JSON.stringify([answer.json().object, named === openaiCompat, server instanceof OpenAIServer, new ApiError(404, 'x').status]))
  `)
  t.strictSame(JSON.parse(await inFolder(process.execPath, ['plugin.js'])), ['assistant', true, true, 404])
})

test('what runs in threads, processes and pages of its own is found: documents, the index, Python, the console; and an SDK of traces', { timeout: 300_000 }, async t => {
  writeFileSync(join(folder, 'programs.js'), `
    import { createRequire } from 'node:module'
    import Fastify from 'fastify'
    import openaiCompat, { openaiCompatConsole } from 'fastify-openai-compat'
    const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = createRequire(${JSON.stringify(join(root, 'package.json'))})('@opentelemetry/sdk-trace-node')
    const spans = new InMemorySpanExporter()
    new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).register()

    const provider = {
      async * stream ({ messages }) {
        const outputs = messages.filter(({ role }) => role === 'tool')
        if (outputs.length > 0) yield { type: 'text', text: outputs.map(({ content }) => content).join() }
        else for (const [index, [name, args]] of [['file_search', { query: 'storks' }], ['python', { code: 'print(6 * 7_000_003)' }]].entries()) {
          yield { type: 'tool_call', index, id: 'call_' + index, name }
          yield { type: 'tool_arguments', index, fragment: JSON.stringify(args) }
        }
        yield { type: 'finish', reason: 'stop' }
      }
    }
    const app = Fastify()
    await app.register(openaiCompat, { prefix: '/v1', provider, storage: 'sqlite:./programs.db', codeInterpreter: { backend: 'pyodide' } })
    await app.register(openaiCompatConsole, { api: '/v1' })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const get = async path => await (await fetch(url + path)).text()
    const post = async (path, body) => await (await fetch(url + path, { method: 'POST', ...body instanceof FormData ? { body } : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } })).text()
    const form = new FormData()
    form.append('purpose', 'assistants')
    form.append('file', new Blob(['<p>In winter, storks fly to Africa.</p>']), 'birds.html')
    const { id: file } = JSON.parse(await post('/v1/files', form))
    let store = JSON.parse(await post('/v1/vector_stores', { file_ids: [file] }))
    while (store.status === 'in_progress') store = JSON.parse(await get('/v1/vector_stores/' + store.id))
    const { id: assistant } = JSON.parse(await post('/v1/assistants', {
      model: 'm', tools: [{ type: 'file_search' }, { type: 'code_interpreter' }], tool_resources: { file_search: { vector_store_ids: [store.id] } }
    }))
    const run = await post('/v1/threads/runs', { stream: true, assistant_id: assistant, thread: { messages: [{ role: 'user', content: 'When?' }] } })
    console.log(JSON.stringify([
      store.file_counts.completed, run.includes('storks fly to Africa'), run.includes('42000018'), (await get('/console/')).startsWith('<!doctype html>'),
      spans.getFinishedSpans().some(({ name }) => name === 'invoke_agent')
    ]))
    await app.close()
  `)
  // What tap has every process of Node load, the sandbox may not read.
  t.strictSame(JSON.parse(await inFolder('env', ['-u', 'NODE_OPTIONS', process.execPath, 'programs.js'])), [1, true, true, true, true])
})

const TYPES = `
  const options: OpenAICompatOptions = { apiKeys: ['sk-1'], provider: { baseURL: 'http://127.0.0.1:11434/v1' } }
  const config: OpenAIServerConfig = { port: 0, logging: { level: 'info' }, cors: { origin: true, methods: ['GET'] } }
  const app = Fastify()
  void app.register(openaiCompat, { prefix: '/v1', ...options })
  const storage: ThreadStorage = app.threadStorage
  const server: OpenAIServer = createOpenAIServer(options.provider, config)
  export const url: string = server.getBaseUrl()
  export const nameOf = (assistant: Assistant): string | null => assistant.name
  export type Parts = ReturnType<ModelProvider['stream']>
  export class Missing extends ApiError { constructor () { super(404, 'There is no such thing.') } }
  export const suite: typeof recordStoreSuite = recordStoreSuite
  // @ts-expect-error: there is no such option
  void app.register(openaiCompat, { apikeys: [] })
  export { storage }
`
const IMPORTS = `
  import openaiCompat, {
    ApiError, createOpenAIServer, OpenAIServer, type Assistant, type ModelProvider, type OpenAICompatOptions, type OpenAIServerConfig, type ThreadStorage
  } from 'fastify-openai-compat'
  import { recordStoreSuite } from 'fastify-openai-compat/conformance'
`

/** Compiles with the declarations of every dependency checked as well, none of the optional peers installed. */
async function compile (files: string[], module: string, moduleResolution: string): Promise<void> {
  await inFolder(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', module, '--moduleResolution', moduleResolution,
    '--target', 'es2023', '--skipLibCheck', 'false', '--types', 'node', '--typeRoots', join(root, 'node_modules/@types'), ...files])
}

test('the types check in strict mode, libraries included, from ES modules and from CommonJS', { timeout: 300_000 }, async t => {
  writeFileSync(join(folder, 'types.ts'), `import Fastify from 'fastify'${IMPORTS}${TYPES}`)
  writeFileSync(join(folder, 'types.cts'), `import Fastify = require('fastify')${IMPORTS}${TYPES.replaceAll('Fastify()', 'Fastify.fastify()')}`)
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['node16', 'node16'], ['node20', 'node16']] as const) {
    await compile(['types.ts', 'types.cts'], module, moduleResolution)
    t.pass(`no complaint with ${module}`)
  }
  await compile(['types.ts'], 'esnext', 'bundler')
  t.pass('no complaint with a bundler')
})

test('the tools that know how packages are resolved have nothing to say', async t => {
  await inFolder(join(root, 'node_modules/.bin/attw'), ['--profile', 'node16', '--no-emoji', tarball])
  t.pass('attw')
  await inFolder(join(root, 'node_modules/.bin/publint'), ['run', tarball, '--strict'])
  t.pass('publint')
})

test('CommonJS can require it: nothing in the graph awaits at its top level', async t => {
  writeFileSync(join(folder, 'require.cjs'), `
    const { default: openaiCompat, createOpenAIServer, OpenAIAdapter, ThreadManager } = require('fastify-openai-compat')
    const { recordStoreSuite } = require('fastify-openai-compat/conformance')
    console.log([openaiCompat, createOpenAIServer, OpenAIAdapter, ThreadManager, recordStoreSuite].map(value => typeof value).join())
  `)
  t.equal((await inFolder(process.execPath, ['require.cjs'])).trim(), 'function,function,function,function,function')
  writeFileSync(join(folder, 'register.cjs'), `
    const app = require('fastify')()
    app.register(require('fastify-openai-compat'), { prefix: '/v1' })
    app.inject('/v1/assistants').then(answer => { console.log(answer.statusCode); return app.close() })
  `)
  t.equal((await inFolder(process.execPath, ['register.cjs'])).trim(), '200')
})

test('npx starts the command', async t => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  t.equal((await inFolder('npx', ['--no-install', 'fastify-openai-compat', '--version'])).trim(), version)
})

test('the command starts on a free port, answers /health, and stops', async t => {
  const { ready, exited, child } = startCommand(t, bin, { args: ['--port', '0', '--storage', 'memory:'], cwd: folder })
  const answer = await fetch(new URL('/health', await ready))
  t.equal(answer.status, 200)
  child.kill('SIGTERM')
  t.match(await exited, { code: 0 })
})

test('with the oldest Fastify that the peer range allows, the types check and the plugin answers', { timeout: 300_000 }, async t => {
  const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { peerDependencies: { fastify: string } }
  const oldest = peerDependencies.fastify.replace('^', '')
  await inFolder('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', `fastify@${oldest}`])
  const { version } = JSON.parse(readFileSync(join(folder, 'node_modules/fastify/package.json'), 'utf8')) as { version: string }
  t.equal(version, oldest)
  await compile(['types.ts'], 'nodenext', 'nodenext')
  t.pass('no complaint about its types')
  t.strictSame(JSON.parse(await inFolder(process.execPath, ['plugin.js'])), ['assistant', true, true, 404])
})
