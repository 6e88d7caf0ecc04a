/** The rules of the lint refuse what they are there to refuse: a gate that lets everything through looks like a clean tree. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ESLint, Linter } from 'eslint'
import { plugins } from 'neostandard'
import { test, type Test } from 'tap'
import { root } from './helpers/paths.js'

const ours = async (name: string) => (await import(pathToFileURL(join(root, `eslint/${name}.js`)).href)).default
const rules = { boundaries: await ours('boundaries'), 'empty-patterns': await ours('empty-patterns') }
const linter = new Linter({ cwd: root })

/** What a rule of ours says to a file with this text. */
function refusals (file: string, text: string, rule: keyof typeof rules = 'boundaries'): string[] {
  const messages = linter.verify(text, [{
    files: ['**/*.ts'],
    languageOptions: { parser: plugins['typescript-eslint'].parser as Linter.Parser },
    plugins: { ours: { rules } },
    rules: { [`ours/${rule}`]: 'error' }
  }], join(root, file))
  return messages.map(({ message }) => message)
}

const REFUSED: readonly [file: string, specifier: string][] = [
  ['schemas/runs.ts', '../storage/layout.js'],
  ['storage/redis/store.ts', '../../lib/shared/ids.js'],
  ['storage/redis/store.ts', 'fastify'],
  ['lib/a-new-room/file.ts', 'fastify'],
  ['lib/a-new-room/file.ts', '@fastify/swagger'],
  ['lib/a-new-room/file.ts', '../../routes/index.js'],
  ['lib/a-new-room/file.ts', '../http/sse.js'],
  ['lib/a-new-room/file.ts', '../plugin.js'],
  ['lib/a-new-room/file.ts', 'undici'],
  ['lib/a-new-room/file.ts', 'node:process'],
  ['lib/a-new-room/file.ts', 'fastify-openai-compat'],
  ['lib/options/options.ts', '@fastify/cors'],
  ['lib/http/sse.ts', '../../routes/index.js'],
  ['lib/server.ts', '../routes/index.js'],
  ['routes/runs.ts', 'undici'],
  ['routes/runs.ts', '../lib/plugin.js'],
  ['a-new-folder/file.ts', 'node:fs']
]

const ALLOWED: readonly [file: string, specifier: string][] = [
  ['schemas/runs.ts', '@sinclair/typebox'],
  ['storage/redis/store.ts', '../../schemas/runs.js'],
  ['lib/a-new-room/file.ts', '../shared/ids.js'],
  ['lib/shared/undici.ts', 'undici'],
  ['lib/http/sse.ts', 'fastify'],
  ['lib/plugin.ts', '../routes/index.js'],
  ['routes/runs.ts', 'fastify']
]

test('a pattern that every list or every object matches is refused, wherever it stands in another', t => {
  const said = (text: string): string[] => refusals('test/a.test.ts', text, 'empty-patterns')
  t.strictSame(['t.match(x, [])', 't.has(x, { a: [{ b: [] }] })', 't.match(x, { a: [] as string[] })', 't.match(x, y ? [] : [1])'].map(said), Array(4).fill(['Any list matches [].']))
  t.strictSame(['t.match(x, {})', 't.hasStrict(x, [{}])', 't.match(x, { a: {} }, \'a message\')'].map(said), Array(3).fill(['Any object matches {}.']))
  for (const text of ['t.match(x, { a: { length: 0 } })', 't.strictSame(x, [])', 't.match([], [1])', 't.match(f({}), [g([])])', 'text.match(/a/)']) t.strictSame(said(text), [], text)
  t.end()
})

test('an import that its layer does not list is refused, however it is written', async t => {
  const forms = (specifier: string): string[] => [
    `import it from '${specifier}'`, `import type { It } from '${specifier}'`, `export { it } from '${specifier}'`, `export * from '${specifier}'`,
    `const it = await import('${specifier}')`, `type It = import('${specifier}').It`, `require('${specifier}')`, `createRequire(import.meta.url)('${specifier}')`
  ]
  for (const [file, specifier] of REFUSED) {
    for (const text of forms(specifier)) t.equal(refusals(file, text).length, 1, `${file}: ${text}`)
  }
  for (const [file, specifier] of ALLOWED) {
    for (const text of forms(specifier)) t.strictSame(refusals(file, text), [], `${file}: ${text}`)
  }
})

test('a circle of imports is refused, types included', async t => {
  const cases = {
    values: { 'a.ts': 'import { b } from \'./b.js\'\nexport const a = () => b', 'b.ts': 'import { a } from \'./a.js\'\nexport const b = () => a' },
    types: { 'a.ts': 'import type { B } from \'./b.js\'\nexport type A = B[]', 'b.ts': 'import type { A } from \'./a.js\'\nexport type B = A[]' },
    none: { 'a.ts': 'import type { B } from \'./b.js\'\nexport type A = B[]', 'b.ts': 'export type B = string' }
  }
  // Not below the repository, where its ignored folders are not looked at.
  const folder = await mkdtemp(join(tmpdir(), 'circles-'))
  t.teardown(async () => await rm(folder, { recursive: true }))
  for (const [name, files] of Object.entries(cases)) {
    await mkdir(join(folder, name))
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, name, file), text)
  }
  t.equal(await circles(t, join(folder, 'values')), 2)
  t.equal(await circles(t, join(folder, 'types')), 2)
  t.equal(await circles(t, join(folder, 'none')), 0)
})

test('only the SSE file reaches past a reply, and only the command line reads the environment', async t => {
  const eslint = new ESLint({ cwd: root })
  const complaints = async (file: string, text: string): Promise<string[]> => {
    const [result] = await eslint.lintText(`${text}\n`, { filePath: join(root, file) })
    return result!.messages.map(({ ruleId }) => ruleId ?? 'unparsed').filter(rule => rule.startsWith('no-restricted'))
  }
  const raw = ['reply.raw.end()', 'reply.hijack()', 'reply[\'raw\'].end()', 'const { raw } = reply', 'const { hijack: take } = reply', 'this.reply.raw.end()']
  for (const text of raw) {
    for (const file of ['routes/runs.ts', 'lib/http/auth.ts', 'lib/plugin.ts']) t.strictSame(await complaints(file, text), ['no-restricted-syntax'], `${file}: ${text}`)
    t.strictSame(await complaints('lib/http/sse.ts', text), [], `lib/http/sse.ts: ${text}`)
  }
  t.strictSame(await complaints('routes/runs.ts', 'request.raw.once(\'close\', stop)'), [], 'the raw request is harmless')

  for (const text of ['read(process.env.HOME)', 'const { env } = process', 'read(globalThis.process.env)']) {
    for (const file of ['schemas/runs.ts', 'storage/open.ts', 'routes/runs.ts', 'lib/runs/engine.ts']) t.strictSame(await complaints(file, text), ['no-restricted-properties'], `${file}: ${text}`)
    t.strictSame(await complaints('lib/cli.ts', text), [], `lib/cli.ts: ${text}`)
  }
})

test('the engine names no tool', async t => {
  const files = (await readdir(join(root, 'lib/runs'), { recursive: true })).filter(name => name.endsWith('.ts'))
  t.ok(files.length > 10)
  for (const file of files) t.notMatch(await readFile(join(root, 'lib/runs', file), 'utf8'), /file_?search|code_?interpreter|isSearch/i, file)
})

async function circles (t: Test, folder: string): Promise<number> {
  // Not the bin: without an extension it is no module to the hooks that tap has in its children.
  const oxlint = join(createRequire(import.meta.url).resolve('oxlint/package.json'), '../dist/cli.js')
  const { stdout, code } = await new Promise<{ stdout: string, code: unknown }>(resolve => {
    execFile(process.execPath, [oxlint, '-c', join(root, '.oxlintrc.json'), '--format=json', folder], (error, stdout) => resolve({ stdout, code: error?.code ?? 0 }))
  })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string }[] }
  t.equal(code, diagnostics.length > 0 ? 1 : 0)
  return diagnostics.filter(({ code }) => code.includes('no-cycle')).length
}
