import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { built } from '../helpers/paths.js'
import { startServer } from '../helpers/server.js'
import { startCli, startProcess, type Exit } from '../helpers/process.js'
import { readCommand } from '../../lib/cli/arguments.js'
import { reopenExport } from '../../lib/transfer/resume.js'
import { exported, imported, NOW, open } from './helpers.js'

const run = async (t: Test, cwd: string, ...args: string[]): Promise<Exit> => await startCli(t, { args, cwd }).exited

const assistant = (n: number) => ({ id: `asst_${n}`, object: 'assistant', created_at: NOW / 1000 + n, model: 'echo' })
const thread = (n: number) => ({ id: `thread_${n}`, object: 'thread', created_at: NOW / 1000 + n })
const file = { id: 'file-1', object: 'file', bytes: 400_000, created_at: 1, filename: 'a.txt', purpose: 'assistants', content: Buffer.alloc(400_000, 'a').toString('base64') }
const everything = [assistant(1), assistant(2), file, thread(1), thread(2), thread(3)]

async function filled (t: Test): Promise<string> {
  const cwd = t.testdir()
  const stores = await open(t, `sqlite:${cwd}/old.db`)
  await imported(stores, everything)
  await stores.close()
  return cwd
}

test('from one store to another by way of a file, with a count of what was moved', async t => {
  const cwd = await filled(t)
  t.match(await run(t, cwd, 'export', '--storage', 'sqlite:./old.db', '--out', 'all.jsonl'), { code: 0, stdout: '', stderr: 'Exported 7 records to all.jsonl.\n' })
  t.match(await run(t, cwd, 'import', '--storage', 'sqlite:./new.db', 'all.jsonl'),
    { code: 0, stdout: '', stderr: 'Imported 7 records (2 assistants, 1 file, 3 threads); 0 were there already.\n' })
  t.match(await run(t, cwd, 'import', '--storage', 'sqlite:./new.db', 'all.jsonl'), { code: 0, stderr: 'Imported 0 records; 7 were there already.\n' })
})

test('through a pipe', async t => {
  const cwd = await filled(t)
  const cli = `"${process.execPath}" "${join(built, 'lib/cli.js')}"`
  const { exited } = startProcess(t, 'sh', { cwd, args: ['-c', `${cli} export --storage sqlite:./old.db | ${cli} import --storage sqlite:./new.db`] })
  const { code, stderr } = await exited
  t.equal(code, 0)
  t.match(stderr, /Exported 7 records\.\n/)
  t.match(stderr, /Imported 7 records/)
})

test('an export that broke off is gone on with, wherever it was cut', async t => {
  const cwd = await filled(t)
  const path = join(cwd, 'all.jsonl')
  const stores = await open(t, `sqlite:${cwd}/old.db`)
  const lines = await exported(stores)
  const whole = lines.map(line => `${line}\n`).join('')
  const bytesLine = whole.indexOf('{"object":"openai_compat.bytes"')
  for (const cut of [0, 40, bytesLine + 5, bytesLine + 300_000, whole.length - 300, whole.length - 1, whole.length]) {
    await writeFile(path, whole.slice(0, cut))
    const { resume } = await reopenExport(path)
    const kept = await readFile(path, 'utf8')
    const rest = await exported(stores, resume)
    t.equal(kept + rest.map(line => `${line}\n`).join(''), whole, `cut at ${cut}`)
  }
  await stores.close()
  await writeFile(path, whole.slice(0, bytesLine + 300_000))
  t.match(await run(t, cwd, 'export', '--storage', 'sqlite:./old.db', '--out', path, '--resume'), { code: 0, stderr: /Exported 7 records/ })
  t.equal(await readFile(path, 'utf8'), whole)
})

test('an import that broke off is gone on with by starting it again', async t => {
  const cwd = await filled(t)
  const path = join(cwd, 'all.jsonl')
  await run(t, cwd, 'export', '--storage', 'sqlite:./old.db', '--out', path)
  const whole = await readFile(path, 'utf8')
  await writeFile(join(cwd, 'part.jsonl'), whole.slice(0, whole.indexOf('thread_2')))
  t.match(await run(t, cwd, 'import', '--storage', 'sqlite:./new.db', 'part.jsonl'), { code: 1, stderr: /Line \d+ is bad: not valid JSON\./ })
  t.match(await run(t, cwd, 'import', '--storage', 'sqlite:./new.db', 'all.jsonl'), { code: 0, stderr: /Imported 2 records \(2 threads\); 5 were there already\./ })
})

test('bad lines end in exit code 1, and with --strict at once', async t => {
  const cwd = t.testdir()
  const path = join(cwd, 'some.jsonl')
  await appendFile(path, `${JSON.stringify(assistant(1))}\n{"half":\n${JSON.stringify(assistant(2))}\n`)
  t.match(await run(t, cwd, 'import', '--storage', 'sqlite:./a.db', path),
    { code: 1, stderr: 'Line 2 is bad: not valid JSON.\nImported 2 records (2 assistants); 0 were there already. 1 line was bad and left out.\n' })
  t.match(await run(t, cwd, 'import', '--strict', '--storage', 'sqlite:./b.db', path),
    { code: 1, stderr: 'Line 2 is bad: not valid JSON.\nImported 1 record (1 assistant); 0 were there already. It ended at a bad line.\n' })
})

test('from another server, with a count of what was imported and a line for what was not available', async t => {
  const server = await startServer(t, { apiKeys: ['sk-theirs'] })
  const headers = { authorization: 'Bearer sk-theirs' }
  await server.post('/assistants', { model: 'echo' }, headers)
  const { body: { id } } = await server.post('/threads', { messages: [{ role: 'user', content: 'Hello' }] }, headers)
  const cwd = t.testdir({ 'ids.csv': `user,thread\n1,${id}\n2,thread_gone\n`, 'none.txt': 'nothing' })
  const pull = async (env: Record<string, string>, ...args: string[]): Promise<Exit> => await startCli(t, { args: ['pull', '--storage', 'sqlite:./new.db', '--from', server.baseURL, ...args], cwd, env }).exited
  t.match(await pull({}, '--key', 'sk-theirs', '--threads', 'ids.csv'), {
    code: 1,
    stdout: '',
    stderr: /^Not available: thread_gone: 404 No thread found with id 'thread_gone'\.\nPulled 1 assistant, 1 thread, 1 message; 0 records were there already\. Not available or incomplete: 1, listed above\.\n$/
  })
  t.match(await pull({ PULL_KEY: 'sk-theirs' }), { code: 0, stderr: 'Pulled nothing new; 3 records were there already.\n' })
  t.match(await pull({}, '--key', 'sk-wrong-one'), { code: 1, stderr: /^fastify-openai-compat: Nothing was pulled: 127\.0\.0\.1:\d+ does not accept the key: Incorrect API key provided: sk-wr\*\*\*ne\.[^\n]*\n$/ })
  t.match(await pull({}, '--threads', 'none.txt'), { code: 1, stderr: /The file none\.txt holds no ids of threads \(thread_…\)\.\n$/ })
  t.match(await pull({}, '--threads', 'missing.txt'), { code: 1, stderr: /The file missing\.txt cannot be read: it does not exist\.\n$/ })
  t.match(readCommand(['pull', '--from', 'http://x/v1', '--header', 'Astra-Api-Token: AstraCS:1', '--header', 'x:'], {}), { headers: { 'astra-api-token': 'AstraCS:1', x: '' } })
  t.throws(() => readCommand(['pull', '--from', 'http://x/v1', '--header', 'secret'], {}), { message: '--header must be of the form "NAME: VALUE".' })
  t.throws(() => readCommand(['pull'], {}), { message: 'pull needs --from: the base URL of the server to read from.' })
  t.throws(() => readCommand(['pull', '--from', 'https://me:secret@example.com/v1'], {}), { message: /^--from must be an http\(s\) URL(?!.*secret)/ })
})

test('what cannot be done is one sentence', async t => {
  const cwd = await filled(t)
  const refusal = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await run(t, cwd, ...args)
    t.equal(code, 1)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
    return stderr
  }
  t.match(await refusal('export', '--out', 'old.db', '--storage', 'sqlite:./old.db'), /The file old\.db exists/)
  t.match(await refusal('import', 'missing.jsonl'), /The file missing\.jsonl cannot be read: it does not exist\./)
  const mistake = (args: string[], message: string | RegExp): void => { t.throws(() => readCommand(args, {}), { name: 'OperatorError', message }) }
  mistake(['export', '--resume'], '--resume needs --out: the file to go on with.')
  mistake(['import', '--sterict'], /^Unknown option '--sterict'/)
  mistake(['import', 'a', 'b'], 'import takes one file, not "b" as well.')

  const { ready } = startCli(t, { args: ['--port', '0', '--storage', 'sqlite:./old.db'], cwd })
  await ready
  t.match(await refusal('export', '--storage', 'sqlite:./old.db'), /Another process has the SQLite file \S+old\.db open: stop that process, or ask the server with --url\./)
  t.match(await refusal('threads', 'ls', '--storage', 'sqlite:./old.db'), /Another process has the SQLite file \S+old\.db open: stop that process, or ask the server with --url\./)
})
