import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { readConfigFile } from '../../lib/cli/config-file.js'
import { configure, isOpen, type Configured } from '../../lib/cli/configure.js'
import { COMMANDS, type CommandName, type CommandRow } from '../../lib/cli/commands.js'
import { helpTable, helpText, usage } from '../../lib/cli/help.js'
import { SETTINGS, type Setting } from '../../lib/cli/settings.js'
import { isLoopback } from '../../lib/http/local-only.js'
import { root } from '../helpers/paths.js'

interface Told {
  args?: string[]
  env?: Record<string, string>
  file?: object
}

async function configured (t: Test, { args = [], env = {}, file }: Told): Promise<Configured> {
  const command = readCommand(args, env)
  if (command.run !== 'serve') throw new Error(`expected a server, not ${command.run}`)
  const folder = t.testdir(file === undefined ? {} : { 'openai-compat.config.json': JSON.stringify(file) })
  return configure(command.values, await readConfigFile(command.values.config, folder))
}

test('without any setting the defaults of the table hold', async t => {
  t.strictSame(await configured(t, {}), {
    config: { port: 8080, host: '127.0.0.1', storage: 'sqlite:./data/openai-compat.db', console: true, metrics: true }, logLevel: 'info', hasProvider: false
  })
})

const places: [string, string[], Record<string, string>, object, (configured: Configured) => unknown, unknown[]][] = [
  ['port', ['-p', '1'], { PORT: '2' }, { port: 3 }, it => it.config.port, [1, 2, 3]],
  ['host', ['--host', 'a'], { HOST: 'b' }, { host: 'c' }, it => it.config.host, ['a', 'b', 'c']],
  ['storage', ['--storage', 'memory:'], { STORAGE_URL: 'sqlite:b' }, { storage: 'sqlite:c' }, it => it.config.storage, ['memory:', 'sqlite:b', 'sqlite:c']],
  ['apiKeys', ['--api-key', 'a', '--api-key', 'b==p'], { API_KEYS: 'c=q, d' }, { apiKeys: ['e'] }, it => it.config.apiKeys,
    [{ a: 'default', 'b=': 'p' }, { c: 'q', d: 'default' }, ['e']]],
  ['apiKeysFile', ['--api-keys-file', 'a'], { API_KEYS_FILE: 'b' }, { apiKeysFile: 'c' }, it => it.config.apiKeysFile, ['a', 'b', 'c']],
  ['requireKeys', ['--require-keys'], { REQUIRE_API_KEYS: 'false' }, { requireApiKeys: true }, it => it.config.requireApiKeys, [true, false, true]],
  ['allowedHosts', ['--allowed-host', 'a'], { ALLOWED_HOSTS: 'b,c' }, { allowedHosts: ['d'] }, it => it.config.allowedHosts, [['a'], ['b', 'c'], ['d']]],
  ['baseUrl', ['--base-url', 'http://a/v1'], { OPENAI_BASE_URL: 'http://b/v1' }, { provider: { baseURL: 'http://c/v1' } },
    it => (it.config.providers?.openai ?? it.config.provider as any).baseURL, ['http://a/v1', 'http://b/v1', 'http://c/v1']],
  ['upstreamKey', ['--upstream-key', 'a'], { OPENAI_API_KEY: 'b' }, { provider: { baseURL: 'http://c/v1', apiKey: 'c' } },
    it => (it.config.providers?.openai as any ?? it.config.provider).apiKey, ['a', 'b', 'c']],
  ['defaultModel', ['--default-model', 'a'], { DEFAULT_MODEL: 'b' }, { defaultModel: 'c' }, it => it.config.defaultModel, ['a', 'b', 'c']],
  ['aliases', ['--alias', 'a=b', '--alias', 'c=d=e'], { MODEL_ALIASES: 'f=g,h=i' }, { aliases: { j: 'k' } }, it => it.config.aliases,
    [{ a: 'b', c: 'd=e' }, { f: 'g', h: 'i' }, { j: 'k' }]],
  ['codeInterpreter', ['--code-interpreter', 'bubblewrap'], { CODE_INTERPRETER: 'off' }, { codeInterpreter: { limits: { warm: 3 } } }, it => it.config.codeInterpreter,
    [{ backend: 'bubblewrap', limits: { warm: 3 } }, 'off', { limits: { warm: 3 } }]],
  ['e2bApiKey', ['--code-interpreter', 'e2b', '--e2b-api-key', 'a'], { CODE_INTERPRETER: 'e2b', E2B_API_KEY: 'b' }, { codeInterpreter: { backend: 'e2b', e2b: { apiKey: 'c' } } },
    it => (it.config.codeInterpreter as any).e2b.apiKey, ['a', 'b', 'c']],
  ['noConsole', ['--no-console'], { NO_CONSOLE: 'false' }, { console: false }, it => it.config.console, [false, true, false]],
  ['logLevel', ['--log-level', 'warn'], { LOG_LEVEL: 'error' }, { logLevel: 'silent' }, it => it.logLevel, ['warn', 'error', 'silent']],
  ['leaseMs', [], { RUN_LEASE_MS: '2' }, { limits: { leaseMs: 3 } }, it => it.config.limits?.leaseMs, [undefined, 2, 3]],
  ['runExpiresS', [], { RUN_EXPIRES_S: '2.5' }, { limits: { runExpiresS: 3 } }, it => it.config.limits?.runExpiresS, [undefined, 2.5, 3]]
]

for (const [name, args, env, file, read, [fromFlags, fromEnv, fromFile]] of places) {
  test(`${name}: flags win over the environment, and that over the config file`, async t => {
    if (args.length > 0) t.strictSame(read(await configured(t, { args, env, file })), fromFlags)
    t.strictSame(read(await configured(t, { env, file })), fromEnv)
    t.strictSame(read(await configured(t, { file })), fromFile)
  })
}

test('every setting of the table is tried above or is about where to look', t => {
  const tried = [...places.map(([name]) => name), 'config', 'ollamaUrl']
  t.strictSame(Object.keys(SETTINGS).sort(), tried.sort())
  t.end()
})

test('an empty variable is one that is not set, but for keys, whose want would open the server', async t => {
  const env = Object.fromEntries(Object.values(SETTINGS).map(setting => [setting.env, ' ']))
  await t.rejects(configured(t, { env }), { message: /^API_KEYS is set but empty/ })
  const { API_KEYS: _, ...rest } = env
  t.strictSame(await configured(t, { env: rest }), await configured(t, {}))
})

test('one limit in the environment leaves the others of the file as they are', async t => {
  const { config } = await configured(t, { env: { RUN_LEASE_MS: '2' }, file: { limits: { runExpiresS: 9, leaseMs: 8 } } })
  t.strictSame(config.limits, { runExpiresS: 9, leaseMs: 2 })
})

test('a key alone is for OpenAI', async t => {
  const { config, hasProvider } = await configured(t, { env: { OPENAI_API_KEY: 'sk-upstream' } })
  t.strictSame(config.providers, { openai: { baseURL: 'https://api.openai.com/v1', apiKey: 'sk-upstream' } })
  t.equal(config.defaultProvider, 'openai')
  t.ok(hasProvider)
})

test('a provider of the flags stands beside those of the file, and keeps its other settings there', async t => {
  const file = { providers: { groq: { baseURL: 'http://groq/v1' }, openai: { baseURL: 'http://o/v1', apiKey: 'old', maxRetries: 7 } } }
  const { config } = await configured(t, { args: ['--upstream-key', 'new'], file })
  t.strictSame(config.providers, { groq: { baseURL: 'http://groq/v1' }, openai: { baseURL: 'http://o/v1', apiKey: 'new', maxRetries: 7 } })
  t.equal(config.defaultProvider, 'openai')
})

test('a default provider that the file names stays the default', async t => {
  const file = { providers: { groq: { baseURL: 'http://groq/v1' } }, defaultProvider: 'groq' }
  const { config } = await configured(t, { env: { OPENAI_API_KEY: 'k' }, file })
  t.equal(config.defaultProvider, 'groq')
})

test('a config module may hold what JSON cannot, and is found by its name or by --config', async t => {
  const folder = t.testdir({
    'package.json': '{"type":"module"}',
    'openai-compat.config.js': 'export default { apiKeys: () => "tenant", tools: [] }',
    'other.mjs': 'export default { port: 5 }'
  })
  t.type((await readConfigFile(undefined, folder))?.config.apiKeys, 'function')
  t.equal((await readConfigFile('other.mjs', folder))?.config.port, 5)
})

test('a server without keys is open', t => {
  t.ok(isOpen({}))
  t.ok(isOpen({ apiKeys: [] }))
  t.ok(isOpen({ apiKeys: {} }))
  t.notOk(isOpen({ apiKeys: ['a'] }))
  t.notOk(isOpen({ apiKeys: { a: 'p' } }))
  t.notOk(isOpen({ apiKeys: () => undefined }))
  t.end()
})

test('what counts as this machine only', t => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost', '::ffff:127.0.0.1']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com', '128.0.0.1']) t.notOk(isLoopback(host), host)
  t.end()
})

/** A text without its lines' ends. */
const unwrapped = (text: string): string => text.replace(/\s+/g, ' ')

test('the help lists every flag, variable and default of the table', t => {
  for (const { flag, short, env, fallback } of Object.values<Setting<unknown>>(SETTINGS)) {
    if (flag !== undefined) t.match(helpText(), new RegExp(`--${flag}\\s`))
    if (short !== undefined) t.match(helpText(), `-${short}, `)
    t.match(helpText(), new RegExp(`\\b${env}\\b`))
    t.ok(unwrapped(helpText()).includes(fallback), fallback)
  }
  t.end()
})

test('docs/command-line.md shows the same table', t => {
  const page = readFileSync(join(root, 'docs/command-line.md'), 'utf8')
  t.ok(page.includes(helpTable()), `replace the table there by:\n${helpTable()}`)
  t.end()
})

const page = readFileSync(join(root, 'docs/command-line.md'), 'utf8')

for (const [name, { flags, about }] of Object.entries<CommandRow>(COMMANDS)) {
  test(`docs/command-line.md shows how ${name} is called, and its help every option`, t => {
    t.ok(page.includes(`\n${usage(name as CommandName)}\n`), `it lacks:\n${usage(name as CommandName)}`)
    const help = helpText(name as CommandName)
    for (const [flag, row] of Object.entries(flags)) t.match(help, new RegExp(`--${flag}\\b.*\\s`), row.about)
    t.ok(unwrapped(helpText()).includes(about), 'the list of commands has it')
    t.same(readCommand([...name.split(' '), '--help'], {}), { run: 'help', of: name })
    t.end()
  })
}

test('docs/command-line.md has a row for each option of export, import and pull', t => {
  for (const name of ['export', 'import', 'pull'] as const) {
    for (const flag of Object.keys(COMMANDS[name].flags)) t.match(page, new RegExp(`\\| \`--${flag}[ \`]`), flag)
  }
  t.end()
})
