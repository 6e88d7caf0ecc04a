import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { zipSync } from 'fflate'
import { test, type Test } from 'tap'
import { prepare, withDependencies, lockedPackages } from '../../lib/sandbox/pyodide/packages.js'
import { PyodideSandbox } from '../../lib/sandbox/pyodide/pyodide.js'
import { startCommand, startProcess, type Exit } from '../helpers/process.js'
import { built } from '../helpers/paths.js'
import { bubblewrapSkip, pyodideSkip } from '../sandbox/helpers/available.js'
import { startSession, textOf } from '../sandbox/helpers/sessions.js'

const skip = await pyodideSkip()
const bubblewrap = await bubblewrapSkip()

/** The command line, which no module of the tests is loaded into. */
const run = async (t: Test, args: string[], config?: object): Promise<Exit> => await startProcess(t, 'env', {
  args: ['-u', 'NODE_OPTIONS', process.execPath, join(built, 'lib/cli.js'), 'sandbox', ...args],
  cwd: config === undefined ? t.testdir({}) : t.testdir({ 'openai-compat.config.json': JSON.stringify(config) })
}).exited

test('check shows what code would find in each sandbox that the server would try', { skip: bubblewrap }, async t => {
  const { code, stdout } = await run(t, ['check', '--code-interpreter', 'bubblewrap'], { codeInterpreter: { limits: { processes: 61 } } })
  t.equal(code, 0)
  t.match(stdout, /^sandbox {4}bubblewrap: works, and the kernel enforces it\npython {5}3\.\d+\.\d+\npackages {3}\S.*\nfonts {6}\S.*\nlimits {5}.*processes 61.*\nsessions {3}16\nthe server runs code in bubblewrap\n$/)
})

test('check says what to do where nothing works, and ends with status 1', async t => {
  const { code, stdout, stderr } = await run(t, ['check'], { codeInterpreter: { bubblewrap: { bwrap: '/missing' }, pyodide: { folder: '/missing' } } })
  t.equal(code, 1)
  t.equal(stderr, '')
  t.match(stdout, /bubblewrap: does not work\n/)
  if (process.platform === 'linux') t.match(stdout, /apt-get install -y bubblewrap python3 python3-numpy/)
  t.match(stdout, /There is no Pyodide in \/missing\.\nthe server runs no code\n$/)
  t.match(await run(t, ['check'], { codeInterpreter: 'off' }), { code: 1, stdout: /turned the code interpreter off/ })
})

test('mistakes about sandboxes are told in a sentence', async t => {
  for (const [args, sentence] of [
    [[], /sandbox needs one of: sandbox check, sandbox prepare/],
    [['chck'], /did you mean sandbox check/],
    [['check', '--nope'], /--nope/],
    [['prepare', '--from', 'ftp://x'], /--from must be an http or https URL/]
  ] as const) t.match(await run(t, [...args]), { code: 1, stdout: '', stderr: sentence })
  t.match(await startCommand(t, process.execPath, { args: [join(built, 'lib/cli.js'), 'sandbox', '--help'] }).exited, { code: 0, stdout: /sandbox prepare/ })
})

/** A server of wheels. */
async function wheels (t: Test, files: Record<string, Uint8Array>): Promise<{ url: string, asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url!)
    const file = files[request.url!.slice(1)]
    response.statusCode = file === undefined ? 404 : 200
    response.end(file)
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked }
}

/** A wheel of pure Python. */
function wheel (name: string, source: string): Uint8Array {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content)
  return zipSync({
    [`${name}.py`]: text(source),
    [`${name}-1.0.dist-info/METADATA`]: text(`Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`),
    [`${name}-1.0.dist-info/WHEEL`]: text('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
    [`${name}-1.0.dist-info/RECORD`]: text('')
  })
}

/** Pyodide, with a lock file that has two small packages of ours as well. */
function pyodideWith (t: Test, packages: Record<string, { file: Uint8Array, depends?: string[] }>): string {
  const from = dirname(createRequire(import.meta.url).resolve('pyodide/package.json'))
  const folder = join(t.testdir({}), 'from')
  mkdirSync(folder)
  for (const file of ['package.json', 'pyodide.mjs', 'pyodide.asm.mjs', 'pyodide.asm.wasm', 'python_stdlib.zip']) symlinkSync(join(from, file), join(folder, file))
  const lock = JSON.parse(readFileSync(join(from, 'pyodide-lock.json'), 'utf8')) as { packages: Record<string, object> }
  for (const [name, { file, depends = [] }] of Object.entries(packages)) {
    lock.packages[name] = {
      name,
      version: '1.0',
      file_name: `${name}-1.0-py3-none-any.whl`,
      install_dir: 'site',
      package_type: 'package',
      imports: [name],
      depends,
      unvendored_tests: false,
      sha256: createHash('sha256').update(file).digest('hex')
    }
  }
  writeFileSync(join(folder, 'pyodide-lock.json'), JSON.stringify(lock))
  return folder
}

test('wheels are fetched with what they depend on, checked, and imported by code', { skip }, async t => {
  const files = { upper: wheel('upper', 'import lower\nvalue = lower.value + 1'), lower: wheel('lower', 'value = 41') }
  const from = pyodideWith(t, { upper: { file: files.upper, depends: ['lower'] }, lower: { file: files.lower } })
  const to = join(dirname(from), 'to')
  const { url, asked } = await wheels(t, { 'upper-1.0-py3-none-any.whl': files.upper, 'lower-1.0-py3-none-any.whl': files.lower })
  const told: [string, boolean][] = []
  const onFile = ({ name }: { name: string }, isNew: boolean): void => { told.push([name, isNew]) }
  await prepare({ from, to, names: ['upper'], url, onFile })
  await prepare({ from, to, names: ['Upper', 'lower'], url, onFile })
  t.strictSame(told, [['upper', true], ['lower', true], ['upper', false], ['lower', false]], 'the second time nothing is fetched')
  t.equal(asked.length, 2)
  const sandbox = new PyodideSandbox({ folder: to })
  t.teardown(async () => await sandbox.close())
  const session = await startSession(t, sandbox)
  t.equal(await textOf(session, 'import upper\nupper.value'), '42\n')
  t.match(await textOf(session, 'import js'), /ModuleNotFoundError|ImportError/, 'and the way to JavaScript stays shut')
})

test('a wheel with another digest is refused and not kept, and so is one that is not there', { skip }, async t => {
  const from = pyodideWith(t, { upper: { file: wheel('upper', '1') } })
  const to = join(dirname(from), 'to')
  const { url } = await wheels(t, { 'upper-1.0-py3-none-any.whl': wheel('upper', 'import os; os.evil()') })
  await t.rejects(prepare({ from, to, names: ['upper'], url }), { name: 'SandboxError', message: /SHA-256 digest is [0-9a-f]{64}, and should be [0-9a-f]{64}\. Nothing of it was kept/ })
  t.notOk(existsSync(join(to, 'upper-1.0-py3-none-any.whl')))
  await t.rejects(prepare({ from, to, names: ['numpy'], url }), { message: /numpy cannot be fetched from http:.*: it was answered with 404\.$/ })
  await t.rejects(prepare({ from, to, names: ['nope'], url }), { message: 'Pyodide has no package "nope".' })
  // A file that was broken off or changed is fetched again, and fails in the same way.
  cpSync(join(from, 'package.json'), join(to, 'upper-1.0-py3-none-any.whl'))
  await t.rejects(prepare({ from, to, names: ['upper'], url }), { message: /SHA-256/ })
})

test('prepare on the command line: a wrong digest and a network that is not there end with status 1 and a sentence', { skip }, async t => {
  const { url } = await wheels(t, Object.fromEntries(withDependencies(lockedPackages(dirname(createRequire(import.meta.url).resolve('pyodide/package.json'))), ['pytz']).map(pack => [pack.file_name, new Uint8Array(3)])))
  t.match(await run(t, ['prepare', '--packages', 'pytz', '--from', url]), { code: 1, stderr: /^fastify-openai-compat: What http:\S+ gives for pytz is not what Pyodide was made with/ })
  t.match(await run(t, ['prepare', '--packages', 'pytz', '--from', 'http://127.0.0.1:9']), { code: 1, stderr: /pytz cannot be fetched from http:\/\/127\.0\.0\.1:9\/pytz/ })
})
