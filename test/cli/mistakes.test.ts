import { test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { readConfigFile } from '../../lib/cli/config-file.js'
import { configure } from '../../lib/cli/configure.js'
import { OperatorError } from '../../lib/cli/errors.js'

async function configured (args: string[], env: Record<string, string>, folder: string): Promise<void> {
  const command = readCommand(args, env)
  if (command.run !== 'serve') throw new Error(`expected a server, not ${command.run}`)
  configure(command.values, await readConfigFile(command.values.config, folder))
}

const mistakes: [string, string[], Record<string, string>, RegExp][] = [
  ['an unknown flag', ['--prot', '80'], {}, /^Unknown option '--prot', did you mean --port\? See --help\.$/],
  ['a flag that is like none', ['--colour', 'red'], {}, /^Unknown option '--colour': see --help\.$/],
  ['an argument that is none', ['config.json'], {}, /^Unknown command 'config\.json': see --help\.$/],
  ['an argument behind a flag', ['--port', '0', 'config.json'], {}, /^Unexpected argument 'config\.json': see --help\.$/],
  ['the server as a command', ['serve', '--port', '0'], {}, /^The server starts without a command: leave out 'serve'\. See --help\.$/],
  ['help for a command that does not exist', ['help', 'exprt'], {}, /^Unknown command 'exprt', did you mean export\? See --help\.$/],
  ['a storage without its colon', ['--storage', 'memory'], {}, /^--storage must be sqlite:FILE, memory:, or a redis:\/\/, rediss:\/\/ or postgres:\/\/ URL; write memory:\.$/],
  ['a storage by the name of its database', ['--storage', 'postgres'], {}, /^--storage must be .* or postgres:\/\/ URL\.$/],
  ['a command that is mistyped', ['exprt'], {}, /^Unknown command 'exprt', did you mean export\? See --help\.$/],
  ['a command of two words that is mistyped', ['sandbox', 'chek'], {}, /^Unknown command 'sandbox chek', did you mean sandbox check\? See --help\.$/],
  ['half a command', ['key'], {}, /^key needs one of: key create\. See --help\.$/],
  ['a flag of a command that is mistyped', ['doctor', '--repiar'], {}, /^Unknown option '--repiar', did you mean --repair\? See --help\.$/],
  ['an unknown flag with a secret', ['--upstream-kay=sk-secret'], {}, /^Unknown option '--upstream-kay', did you mean --upstream-key\?(?!.*secret)/],
  ['a shell that has no completion', ['completion', 'tcsh'], {}, /^completion needs the name of a shell: bash, zsh, fish\.$/],
  ['a file as the storage', ['--storage', './x.db'], {}, /^--storage must be .* URL; for a file write sqlite:\.\/x\.db\.$/],
  ['a file as the storage of an export', ['export', '--storage', 'data/x.sqlite'], {}, /^--storage must be .*; for a file write sqlite:data\/x\.sqlite\.$/],
  ['a flag without its value', ['--host'], {}, /^Option '--host <value>' needs a value: see --help\.$/],
  ['a flag with another flag for a value', ['--host', '-p'], {}, /^Option '--host' needs a value: see --help\.$/],
  ['a flag with an empty value', ['--host='], {}, /^--host needs a value\.$/],
  ['a flag that takes no value', ['--help=yes'], {}, /^Option '-h, --help' does not take an argument: see --help\.$/],
  ['a bad port', ['--port', '70000'], {}, /^--port must be a whole number from 0 to 65535, not "70000"\.$/],
  ['a bad port in the environment', [], { PORT: 'http' }, /^PORT must be a whole number from 0 to 65535, not "http"\.$/],
  ['a storage of another kind', ['--storage', 'mysql://root:secret@localhost/db'], {}, /^--storage must be sqlite:FILE, memory:, or (?!.*secret)/],
  ['a storage URL that cannot be read', [], { STORAGE_URL: 'redis://[secret' }, /^STORAGE_URL must be sqlite:FILE, memory:, or (?!.*secret)/],
  ['a base URL that is none', ['--base-url', 'localhost:11434'], {}, /^--base-url must be an http\(s\) URL/],
  ['a base URL with a password', ['--base-url', 'https://me:secret@example.com/v1'], {}, /^--base-url must be an http\(s\) URL(?!.*secret)/],
  ['a base URL that is the server itself', [], { PORT: '8099', OPENAI_BASE_URL: 'http://localhost:8099/v1' }, /this server's own address/],
  ['a log level that does not exist', ['--log-level', 'loud'], {}, /^--log-level must be one of trace, .*, not "loud"\.$/],
  ['an alias without a target', ['--alias', 'gpt-4='], {}, /^--alias must be FROM=TO, not "gpt-4="\.$/],
  ['a key without a project after the sign', ['--api-key', 'sk-secret='], {}, /^--api-key must be KEY or KEY=PROJECT(?!.*secret)/],
  ['a key for two projects', ['--api-key', 'sk-secret=a', '--api-key', 'sk-secret=b'], {}, /^One API key is given to two projects(?!.*secret)/],
  ['keys that are empty', [], { API_KEYS: '' }, /^API_KEYS is set but empty/],
  ['a switch that is neither on nor off', [], { REQUIRE_API_KEYS: 'maybe' }, /^REQUIRE_API_KEYS must be true or false/],
  ['keys that are commas only', [], { API_KEYS: ' , ' }, /^API_KEYS holds commas only/],
  ['a lease of no length', [], { RUN_LEASE_MS: '0' }, /^RUN_LEASE_MS must be a number above 0, not "0"\.$/],
  ['an expiry that is no number', [], { RUN_EXPIRES_S: 'soon' }, /^RUN_EXPIRES_S must be a number above 0, not "soon"\.$/]
]

for (const [name, args, env, message] of mistakes) {
  test(`${name} is refused with one sentence`, async t => {
    await t.rejects(configured(args, env, t.testdir()), { name: OperatorError.name, message })
  })
}

test('help is a command, too, and takes the name of another one', async t => {
  t.strictSame(readCommand(['help'], {}), { run: 'help', of: undefined })
  t.strictSame(readCommand(['help', 'export'], {}), { run: 'help', of: 'export' })
  t.strictSame(readCommand(['help', 'threads', 'ls'], {}), { run: 'help', of: 'threads ls' })
  t.strictSame(readCommand(['help', 'threads'], {}), { run: 'help', of: undefined })
})

const files: [string, Record<string, string>, string[], RegExp][] = [
  ['a config file that does not exist', {}, ['--config', 'none.json'], /^The config file \S+none\.json cannot be read: it does not exist\.$/],
  ['a config module that does not exist', {}, ['--config', 'none.js'], /^The config file \S+none\.js cannot be read: it does not exist\.$/],
  ['a config file that is not JSON', { 'openai-compat.config.json': '{\n  port: 1 }' }, [], /^The config file \S+openai-compat\.config\.json is not valid JSON \(line 2\)\.$/],
  ['a config file with a key that is not quoted', { 'openai-compat.config.json': '{"apiKeys":[sk-secret]}' }, [], /^The config file \S+ is not valid JSON\.$/],
  ['a config file that is a list', { 'openai-compat.config.json': '[]' }, [], /^The config file \S+ must hold an object\.$/],
  ['a config module that exports nothing', { 'named.mjs': 'export const port = 1' }, ['--config', 'named.mjs'], /^The config file \S+\.mjs must export by default an object\.$/],
  ['a config module of ES in a folder of CommonJS', { 'package.json': '{"type":"commonjs"}', 'openai-compat.config.js': 'export default {}' }, [], /^The config file \S+\.js is an ES module in a folder of CommonJS: name it \S+openai-compat\.config\.mjs, or use module\.exports\.$/],
  ['a config module that throws', { 'throws.mjs': 'throw new Error("no such secret")' }, ['--config', 'throws.mjs'], /^The config file \S+ cannot be read: no such secret\.$/],
  ['two config files', { 'openai-compat.config.json': '{}', 'openai-compat.config.js': '' }, [], /^There are two config files, \S+ and \S+: remove one/],
  ['an unknown option in the file', { 'openai-compat.config.json': '{"apikeys":["a"]}' }, [], /^The config file \S+\.json has an unknown option "apikeys", did you mean "apiKeys"\? There are: .*apiKeys/],
  ['keys in the file that are no list', { 'openai-compat.config.json': '{"apiKeys":"secret"}' }, [], /^The config file \S+ is not right: "apiKeys" must be a list of keys(?!.*secret)/],
  ['an empty key in the file', { 'openai-compat.config.json': '{"apiKeys":["a",""]}' }, [], /^The config file \S+ is not right: "apiKeys"\[1\] must have a key that is not empty/],
  ['a bad log level in the file', { 'openai-compat.config.json': '{"logLevel":"loud"}' }, [], /^"logLevel" in the config file \S+ must be one of/]
]

for (const [name, content, args, message] of files) {
  test(`${name} is refused with one sentence`, async t => {
    await t.rejects(configured(args, {}, t.testdir(content)), { name: OperatorError.name, message })
  })
}
