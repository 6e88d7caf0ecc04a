import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import Libsql from 'libsql'
import { openStorageUrl } from '../../storage/open.js'
import { built, root } from '../helpers/paths.js'
import { startCli, type ProcessOptions } from '../helpers/process.js'
import { startServer } from '../helpers/server.js'
import { databaseUrl, postgresSchema, queryPostgres, quietRedis, redisPrefix, redisUrl, skipPostgres, skipRedis } from '../helpers/stores.js'

/** What the operator sees of a start that fails: an exit code and one sentence. */
async function refusal (t: Test, options: ProcessOptions): Promise<string> {
  const { code, stdout, stderr } = await startCli(t, options).exited
  t.equal(code, 1, 'exit code')
  t.equal(stdout, '', 'nothing on stdout')
  const sentences = stderr.split('\n').filter(line => line !== '' && !line.startsWith('{'))
  t.equal(sentences.length, 1, `one line and no stack: ${stderr}`)
  t.match(sentences[0], /^fastify-openai-compat: [A-Z"-].*\.$/)
  return sentences[0]!.replace('fastify-openai-compat: ', '')
}

test('a bad flag', async t => {
  t.equal(await refusal(t, { args: ['--prot', '80'] }), 'Unknown option \'--prot\', did you mean --port? See --help.')
})

test('a bad option in the config file, which is named', async t => {
  const cwd = t.testdir({ 'openai-compat.config.json': '{"storage":"memory:","limits":{"leaseMs":-1}}' })
  t.match(await refusal(t, { cwd }), /^Option "limits\.leaseMs" must be .+\. The config file is \S+openai-compat\.config\.json\.$/)
})

test('a host of another machine', async t => {
  t.equal(await refusal(t, { args: ['--host', '192.0.2.1', '--storage', 'memory:'] }), 'The host "192.0.2.1" is no address of this machine.')
})

test('a port in use; the storage is given back', async t => {
  const cwd = t.testdir()
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  t.equal(await refusal(t, { args: ['--port', String(port)], cwd }),
    `Port ${port} on 127.0.0.1 is in use: stop the program that listens there, or choose another port.`)
  await startCli(t, { args: ['--port', '0'], cwd }).ready
})

test('a second process on the same SQLite file; the first one goes on', async t => {
  const cwd = t.testdir()
  const baseUrl = await startCli(t, { args: ['--port', '0'], cwd }).ready
  t.match(await refusal(t, { args: ['--port', '0'], cwd }), /^Another process has the SQLite file \S+openai-compat\.db open: stop that process/)
  t.equal((await fetch(`${baseUrl}/models`)).status, 200)
})

test('a SQLite file in a folder that takes none, at once', async t => {
  t.match(await refusal(t, { args: ['--port', '0', '--storage', 'sqlite:/proc/x.db'] }), /\/proc\/x\.db.* (failed|cannot be used): ENOENT/)
  t.match(await refusal(t, { args: ['--port', '0', '--storage', 'sqlite:/proc/a/b/x.db'] }), /\/proc\/a\/b.* (failed|cannot be used): ENOENT/)
})

test('an export or an erasure of a SQLite file that is not there makes none', async t => {
  const cwd = t.testdir()
  t.match(await refusal(t, { args: ['export', '--storage', 'sqlite:./none.db', '--out', 'all.jsonl'], cwd }), /^There is no SQLite file \S+none\.db\.$/)
  t.match(await refusal(t, { args: ['erase', '--project', 'red', '--yes', '--storage', 'sqlite:./none.db'], cwd }), /^There is no SQLite file \S+none\.db\.$/)
  t.strictSame(readdirSync(cwd), [])
})

test('a file that cannot be read or written, in words and with nothing made', async t => {
  const cwd = t.testdir({ folder: {}, 'keys.json': '[]' })
  const none = `${cwd}/none`
  t.equal(await refusal(t, { args: ['key', 'create', '--file', `${none}/keys.json`], cwd }), `The file ${none}/keys.json cannot be written: its folder ${none} does not exist.`)
  t.equal(await refusal(t, { args: ['key', 'create', '--file', 'folder'], cwd }), 'The file folder cannot be read: it is a folder.')
  t.equal(await refusal(t, { args: ['init', `${none}/c.json`], cwd }), `The file ${none}/c.json cannot be written: its folder ${none} does not exist.`)
  t.equal(await refusal(t, { args: ['import', 'folder', '--storage', 'sqlite:./new.db'], cwd }), 'The file folder cannot be read: it is a folder.')
  t.equal(await refusal(t, { args: ['--config', 'folder'], cwd }), `The config file ${cwd}/folder cannot be read: it is a folder.`)
  t.equal(await refusal(t, { args: ['pull', '--from', 'http://127.0.0.1:9/v1', '--threads', 'folder'], cwd }), 'The file folder cannot be read: it is a folder.')
  t.equal(await refusal(t, { args: ['pull', '--from', 'http://127.0.0.1:9/v1', '--threads', 'none'], cwd }), 'The file none cannot be read: it does not exist.')
  t.equal(await refusal(t, { args: ['eval', 'folder'], cwd }), 'The file folder cannot be read: it is a folder.')
  t.equal(await refusal(t, { args: ['doctor', '--scan', 'keys.json'], cwd }), 'The folder keys.json cannot be read: it is a file.')
  t.strictSame(readdirSync(cwd).sort(), ['folder', 'keys.json'])
})

test('a folder where the server wants a file, and a file where it wants a folder, in words and with nothing made', async t => {
  const cwd = t.testdir({ folder: {}, 'folder.json': {}, file: 'text', audit: { 'openai-compat.config.json': '{"audit":"../folder"}' }, blobs: { 'openai-compat.config.json': '{"blobs":"file:../file"}' } })
  const start = async (...args: string[]): Promise<string> => await refusal(t, { args: ['--port', '0', ...args], cwd })
  t.equal(await start('--storage', 'sqlite:folder'), `The SQLite file ${cwd}/folder cannot be used: it is a folder.`)
  t.equal(await start('--storage', 'sqlite:file/x.db'), `The SQLite file ${cwd}/file/x.db cannot be used: a part of its path is no folder.`)
  t.match(await start('--storage', 'sqlite:file'), /^The SQLite file \S+file failed: file is not a database\.$/)
  t.equal(await start('--storage', 'memory:', '--api-keys-file', 'folder'), 'The file of API keys folder cannot be read: it is a folder.')
  t.equal(await start('--storage', 'memory:', '--api-keys-file', 'none'), 'The file of API keys none cannot be read: it does not exist.')
  t.equal(await start('--config', 'folder.json'), `The config file ${cwd}/folder.json cannot be read: it is a folder.`)
  for (const args of [['export'], ['threads', 'ls'], ['usage'], ['erase', '--project', 'red', '--yes']]) {
    t.equal(await refusal(t, { args: [...args, '--storage', 'sqlite:folder'], cwd }), `The SQLite file ${cwd}/folder cannot be used: it is a folder.`)
  }
  t.match(await refusal(t, { args: ['--port', '0', '--storage', 'memory:'], cwd: join(cwd, 'audit') }), /^The audit log \.\.\/folder cannot be written: it is a folder\./)
  t.equal(await refusal(t, { args: ['--port', '0', '--storage', 'memory:'], cwd: join(cwd, 'blobs') }), `The folder ${cwd}/file cannot be used: a part of its path is no folder.`)
  t.strictSame(readdirSync(cwd).sort(), ['audit', 'blobs', 'file', 'folder', 'folder.json'])
})

test('a server to pull from that is away, or lets nothing be read, leaves no store behind', async t => {
  const cwd = t.testdir()
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  await once(closed, 'close')
  t.equal(await refusal(t, { args: ['pull', '--from', `http://127.0.0.1:${port}/v1`], cwd }), `Nothing was pulled: 127.0.0.1:${port} does not answer: connect ECONNREFUSED 127.0.0.1:${port}.`)
  const { baseURL } = await startServer(t, { apiKeys: ['sk-right'] })
  t.match(await refusal(t, { args: ['pull', '--from', baseURL, '--key', 'sk-wrong', '--storage', 'sqlite:sub/new.db'], cwd }), /^Nothing was pulled: \S+ does not accept the key: (?!.*is kept)/)
  t.strictSame(readdirSync(cwd), [])
})

test('a Node that is too old, before anything else is loaded', async t => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } }
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node)!
  const cwd = t.testdir({ 'old.cjs': 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: process.env.AS_NODE } })' })
  const as = async (version: string): Promise<string> => await refusal(t, { args: ['--prot'], cwd, env: { NODE_OPTIONS: `--require ${cwd}/old.cjs`, AS_NODE: version } })
  for (const version of ['18.20.8', `${major}.${Number(minor) - 1}.9`]) t.equal(await as(version), `Node ${major}.${minor} or later is needed, this is ${version}.`)
  for (const version of [`${major}.${minor}.0`, `${Number(major) + 1}.0.0`]) t.match(await as(version), /^Unknown option/)
  t.notMatch(readFileSync(join(built, 'lib/cli.js'), 'utf8'), /^import /m, 'nothing that an old version could fail on is loaded first')
})

for (const url of ['redis://:secret@127.0.0.1:9', 'postgres://user:secret@127.0.0.1:9/db']) {
  test(`a store that does not answer: ${url.split(':')[0]}`, async t => {
    const sentence = await refusal(t, { args: ['--port', '0', '--storage', url] })
    t.match(sentence, /127\.0\.0\.1:9/)
    t.notMatch(sentence, 'secret')
  })
}

const newer: [store: string, skip: () => Promise<string | false>, place: (t: Test, cwd: string) => string, mark: (url: string) => Promise<unknown>][] = [
  ['sqlite', async () => false, (_, cwd) => `sqlite:${cwd}/records.db`, async url => {
    const database = new Libsql(url.slice('sqlite:'.length))
    database.exec('PRAGMA user_version = 1000')
    database.close()
  }],
  ['redis', skipRedis, t => `${redisUrl}?keyPrefix=${redisPrefix(t)}`, async url => {
    const client = quietRedis()
    await client.set(`${new URL(url).searchParams.get('keyPrefix')}schema`, 1000)
    client.disconnect()
  }],
  ['postgres', skipPostgres, t => `${databaseUrl}?schema=${postgresSchema(t)}`, async url =>
    await queryPostgres(`UPDATE ${new URL(url).searchParams.get('schema')}.openai_compat_data SET version = 1000 WHERE kind = 'schema'`)]
]

for (const [store, skip, place, mark] of newer) {
  test(`${store}: what a newer version has stored is left to it`, { skip: await skip() }, async t => {
    const cwd = t.testdir()
    const url = place(t, cwd)
    const own = openStorageUrl(url)
    await own.connect()
    await own.disconnect()
    await mark(url)
    t.match(await refusal(t, { args: ['--port', '0', '--storage', url], cwd }),
      /^The .+ (was|were) written by a newer version of fastify-openai-compat \(schema 1000, this one knows 1\): upgrade the package, or choose another .+\.$/)
  })
}
