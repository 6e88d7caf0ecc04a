import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { scan } from '../../lib/cli/doctor/scan.js'
import { startCli } from '../helpers/process.js'
import { startUpstream } from '../helpers/upstream.js'

/** A call of the API in each language, and a manifest with its SDK. */
const LANGUAGES: [string, string, string, string, RegExp][] = [
  ['app.ts', 'const run = await client.beta.threads.runs.create(id, {})', 'package.json', '{"dependencies":{"openai":"^4.104.0"}}', /openai \^4\.104\.0/],
  ['app.py', 'thread = client.beta.threads.create()', 'requirements.txt', 'requests\nopenai==1.55.0\n', /openai ==1\.55\.0/],
  ['main.go', 'client.Beta.Threads.New(ctx, params)', 'go.mod', 'require github.com/openai/openai-go v0.1.0\n', /openai-go v0\.1\.0/],
  ['App.java', 'client.beta().threads().create(params);', 'pom.xml', '<artifactId>openai-java</artifactId>\n<version>1.2.3</version>', /openai-java 1\.2\.3/],
  ['App.cs', 'AssistantClient assistants = client.GetAssistantClient();', 'App.csproj', '<PackageReference Include="OpenAI" Version="2.1.0" />', /OpenAI 2\.1\.0/],
  ['app.rb', 'HTTP.post("https://host/v1/threads")', 'Gemfile', 'gem "ruby-openai", "~> 7.0"', /ruby-openai ~> 7\.0/],
  ['app.php', '$client->post("/v1/assistants")', 'composer.json', '{"require":{"openai-php/client":"^0.10"}}', /openai-php\/client \^0\.10/],
  ['main.rs', 'let url = "http://host/v1/vector_stores";', 'Cargo.toml', 'async-openai = "0.27"', /async-openai 0\.27/]
]

for (const [source, code, manifest, dependencies, sdk] of LANGUAGES) {
  test(`a call of the API in ${source}, and the SDK in ${manifest}, are found in their places`, async t => {
    const { found, sdks, files } = await scan(t.testdir({ src: { [source]: `\n\n${code}\n`, 'other.txt': code }, [manifest]: dependencies }))
    t.strictSame(found.get('Calls of the Assistants API'), [`src/${source}:3`])
    t.equal(files, 2)
    t.match(sdks, [sdk])
    t.equal(sdks.length, 1)
  })
}

test('what is no source code, too large, a link or a dependency is left out', async t => {
  const call = 'client.beta.threads.create()'
  const folder = t.testdir({ 'a.js': call, node_modules: { 'b.js': call }, '.git': { 'c.js': call }, 'd.js': `${call}\n${' '.repeat(2 ** 20)}`, elsewhere: {} })
  symlinkSync(folder, join(folder, 'elsewhere', 'round'))
  t.strictSame((await scan(folder)).found.get('Calls of the Assistants API'), ['a.js:1'])
})

test('models are names in quotation marks, each with its places', async t => {
  const { models } = await scan(t.testdir({ 'a.py': 'model="gpt-4o"\nother=\'o3-mini\'; embed="text-embedding-3-small"\nword="gpt"; text = "o2 is gas"\n', 'b.py': 'x = "gpt-4o"' }))
  t.strictSame([...models], [['gpt-4o', ['a.py:1', 'b.py:1']], ['o3-mini', ['a.py:2']], ['text-embedding-3-small', ['a.py:2']]])
})

test('doctor --scan says what to look at, and writes aliases that a config file takes', async t => {
  const upstream = await startUpstream(t, { models: ['nomic-embed-text', 'llama3.2', 'gpt-4o-mini'] })
  const cwd = t.testdir({ app: { 'a.ts': 'client.beta.assistants.create({ model: "gpt-4o", tools: [{ type: "code_interpreter" }] })\nconst other = "gpt-4o-mini"\nheaders["OpenAI-Beta"] = "assistants=v1"\nembed("text-embedding-3-small")' } })
  const doctor = async (...args: string[]) => await startCli(t, { args: ['doctor', '--scan', 'app', '--base-url', upstream.url, ...args], cwd }).exited
  const { code, stdout, stderr } = await doctor()
  t.equal(code, 0, stderr)
  t.match(stdout, /^1 file was looked at\.\n/)
  t.match(stdout, /Calls of the Assistants API:\n {2}a\.ts:1\n/)
  t.match(stdout, /Version 1 of the API \(this server speaks version 2.*\):\n {2}a\.ts:3\n/)
  t.match(stdout, /code_interpreter \(needs a sandbox: .*\):\n {2}a\.ts:1\n/)
  t.match(stdout, '  gpt-4o, which this server does not have: a.ts:1\n')
  t.match(stdout, '  gpt-4o-mini: a.ts:2\n')
  t.strictSame(JSON.parse(readFileSync(join(cwd, 'openai-compat.aliases.json'), 'utf8')), { aliases: { 'gpt-4o': 'llama3.2', 'text-embedding-3-small': 'nomic-embed-text' } })
  t.match(await doctor(), { code: 1, stderr: /openai-compat\.aliases\.json, which exists: name another file with --aliases\.\n$/ })
  const { stdout: again } = await doctor('--config', 'openai-compat.aliases.json', '--aliases', 'more.json')
  t.notMatch(again, /does not have|Wrote/, 'with the aliases nothing is missing')
  t.match(await startCli(t, { args: ['doctor', '--scan', 'nowhere'], cwd }).exited, { code: 1, stderr: /The folder nowhere cannot be read: it does not exist\./ })
})

test('options of doctor that do not go together are refused', async t => {
  for (const args of [['--scan='], ['--aliases', 'x'], ['--scan', '.', '--repair']]) t.throws(() => readCommand(['doctor', ...args], {}), { name: 'OperatorError' }, args.join(' '))
})
