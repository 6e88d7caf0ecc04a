import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Writable } from 'node:stream'
import { Ajv } from 'ajv'
import { test } from 'tap'
import { readConfigFile } from '../../lib/cli/config-file.js'
import { runInit } from '../../lib/cli/init.js'
import { SERVER_OPTION_NAMES } from '../../lib/server/options.js'
import { root } from '../helpers/paths.js'
import { configSchema } from './helpers/config-schema.js'

const path = join(root, 'docs/config.schema.json')
const fromTypes = `${JSON.stringify(configSchema(), null, 2)}\n`
if (process.env.UPDATE_DOCS === '1') writeFileSync(path, fromTypes)
const schema = JSON.parse(readFileSync(path, 'utf8')) as { properties: Record<string, unknown> }
const validate = new Ajv({ allowUnionTypes: true }).compile(schema)

test('docs/config.schema.json says what the types of the options say', async t => {
  t.equal(readFileSync(path, 'utf8'), fromTypes, 'run: npm run docs')
})

const silent = new Writable({ write: (_chunk, _encoding, done) => { done() } })

/** Options that only a program can give. */
const NO_JSON = ['logging', 'tools', 'builtInTools', 'clock', 'audit', 'passthrough']

test('the schema has every option of a config file that JSON can hold', async t => {
  const missing = SERVER_OPTION_NAMES.filter(name => schema.properties[name] === undefined)
  for (const name of missing) t.ok(NO_JSON.includes(name), name)
  t.ok(schema.properties.logLevel)
})

const right: object[] = [
  { port: 8080, host: '127.0.0.1', storage: 'memory:', logLevel: 'info', $schema: 'x' },
  { providers: { ollama: { baseURL: 'http://127.0.0.1:11434/v1', timeouts: { connectMs: 1 } } }, defaultProvider: 'ollama', aliases: { 'gpt-4*': 'llama3.2' } },
  { apiKeys: [{ key: 'sha256:0', name: 'me', project: 'red', readOnly: true, models: ['a'] }], limits: { runExpiresS: 60 }, codeInterpreter: 'off', cors: false },
  { apiKeys: { 'sk-1': 'red' }, codeInterpreter: { backend: 'pyodide', limits: { warm: 1 } } }
]

test('the schema takes what a config file may hold, and refuses what it may not', async t => {
  for (const config of right) t.ok(validate(config), `${JSON.stringify(config)}: ${JSON.stringify(validate.errors)}`)
  for (const config of [{ port: '8080' }, { prot: 80 }, { limits: { runExpiresSeconds: 1 } }, { codeInterpreter: 'on' }]) t.notOk(validate(config), JSON.stringify(config))
})

for (const name of ['openai-compat.config.mjs', 'openai-compat.config.json']) {
  test(`init writes ${name}, which the server and the schema take, and leaves one that is there alone`, async t => {
    const folder = t.testdir()
    const file = join(folder, name)
    await runInit(file, silent)
    const { config } = (await readConfigFile(undefined, folder))!
    t.match(config, { port: 8080, host: '127.0.0.1', logLevel: 'info' })
    t.ok(validate(config), JSON.stringify(validate.errors))
    await t.rejects(runInit(file, silent), { name: 'OperatorError', message: /exists: it is left as it is\.$/ })
  })
}

test('init says how the server finds the file, which it does by itself only for a file of its own name', async t => {
  const said = async (file: string): Promise<string> => {
    const out = new PassThrough()
    await runInit(file, out)
    return String(out.read())
  }
  const folder = t.testdir()
  t.equal(await said(join(folder, 'openai-compat.config.js')), `Wrote ${join(folder, 'openai-compat.config.js')}. Start the server in the folder of the file, or with --config ${join(folder, 'openai-compat.config.js')}.\n`)
  t.equal(await said(join(folder, 'mine.json')), `Wrote ${join(folder, 'mine.json')}. Start the server with --config ${join(folder, 'mine.json')}.\n`)
})

test('every option in the comments of the config file that init writes is one', async t => {
  const folder = t.testdir()
  await runInit(join(folder, 'openai-compat.config.mjs'), silent)
  const text = readFileSync(join(folder, 'openai-compat.config.mjs'), 'utf8')
  // Taken out of their comments, they are options too. Sentences begin with a capital letter.
  writeFileSync(join(folder, 'all.mjs'), text.replaceAll(/^ {2}\/\/ (?=[a-z ]\w*:|\}| {2}\w)/gm, '  ').replaceAll(/^( {2}(?!\/)[^\n]*[^,{\n])$/gm, '$1,').replace('sha256:...', 'sha256:' + '0'.repeat(64)))
  const { config } = (await readConfigFile('all.mjs', folder))!
  t.strictSame(Object.keys(config).sort(), ['aliases', 'apiKeys', 'codeInterpreter', 'defaultProvider', 'host', 'limits', 'logLevel', 'port', 'providers', 'storage'])
})
