import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parse } from 'yaml'
import { readCommand } from '../../lib/cli/arguments.js'
import { configure } from '../../lib/cli/configure.js'
import { SETTINGS } from '../../lib/cli/settings.js'
import { Metrics } from '../../lib/observe/metrics.js'
import { startCli, startProcess } from '../helpers/process.js'
import { root } from '../helpers/paths.js'
import { connectTo, newAssistant, newThread } from '../helpers/server.js'
import { sharedStores, skipPostgres } from '../helpers/stores.js'
import { startUpstream, text } from '../helpers/upstream.js'

const file = (name: string): string => readFileSync(join(root, 'deploy', name), 'utf8')

/** Instructions of a Dockerfile by their names, the last of each. */
const docker = Object.fromEntries(file('Dockerfile').split('\n').filter(line => /^[A-Z]+ /.test(line)).map(line => [line.split(' ', 1)[0]!, line.slice(line.indexOf(' ') + 1)]))
const list = (instruction: string): string[] => JSON.parse(/\[.*\]$/.exec(docker[instruction]!)![0]) as string[]
const variables: NodeJS.ReadOnlyDict<string> = Object.fromEntries(docker.ENV!.split(' ').map(pair => pair.split('=')))

test('the entry point of the Dockerfile starts with its variables, and the health check sees it live and end', async t => {
  const [node, program, ...first] = list('ENTRYPOINT')
  t.equal(node, 'node')
  t.equal(program, '/app/dist/lib/cli.js')
  const cwd = t.testdir()
  t.equal(docker.CMD, undefined, 'an option in it would win over the variables of who runs the image')
  const { PORT: _, STORAGE_URL: storage, ...env } = variables
  const cli = startCli(t, { args: first, cwd, env: { ...env, PORT: '0', STORAGE_URL: storage!.replace('/data', cwd), API_KEYS: 'sk-first' } as Record<string, string> })
  const { port } = new URL(await cli.ready)
  const [, ...check] = list('HEALTHCHECK')
  const healthy = async () => (await startProcess(t, process.execPath, { args: check, cwd, env: { PORT: port } }).exited).code
  t.equal(await healthy(), 0)
  t.ok(readdirSync(cwd).includes('openai-compat.db'), 'what is kept is in the volume')
  cli.child.kill('SIGTERM')
  t.match(await cli.exited, { code: 0 })
  t.equal(await healthy(), 1)
})

test('the Dockerfile runs as a user without rights, in a stage without tools', t => {
  const stages = file('Dockerfile').split(/^FROM /m).slice(1)
  t.equal(stages.length, 2)
  t.match(stages[1], /^USER node$/m)
  t.notMatch(stages[1], /npm/)
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } }
  for (const stage of stages) t.ok(Number(/^node:(\d+)/.exec(stage)![1]) >= Number(/\d+/.exec(engines.node)![0]))
  t.end()
})

test('what the Dockerfile keeps of the packages is what the server needs, Fastify included, and nothing else', t => {
  const cwd = t.testdir()
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(root, name), join(cwd, name))
  const [install, ...after] = file('Dockerfile').split('\n').filter(line => line.startsWith('RUN npm ')).map(line => line.slice('RUN '.length))
  t.equal(install, 'npm ci')
  const env = { ...process.env, npm_config_package_lock_only: 'true', npm_config_offline: 'true' }
  for (const command of after) t.match(spawnSync('sh', ['-c', command], { cwd, env, encoding: 'utf8' }), { status: 0 }, command)
  const { packages } = JSON.parse(readFileSync(join(cwd, 'package-lock.json'), 'utf8')) as { packages: Record<string, { dev?: boolean }> }
  const { dependencies, peerDependencies, optionalDependencies, peerDependenciesMeta: meta } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, { optional?: boolean }>>
  const needed = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }).filter(name => meta![name]?.optional !== true)
  t.ok(needed.includes('fastify') && needed.includes('pyodide'))
  for (const name of needed) t.ok(packages[`node_modules/${name}`] !== undefined && packages[`node_modules/${name}`]!.dev !== true, name)
  t.notOk(packages['node_modules/typescript'], 'what builds it is not kept')
  t.end()
})

interface Compose { services: Record<string, { environment?: Record<string, string>, command?: string[], deploy?: { replicas: number } }> }

/** As Compose fills in what stands for variables of `.env`. */
const filled = (value: string, env: Record<string, string>): string => value.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, how: string, fallback: string) => {
  if (env[name] === undefined && how === '?') throw new Error(`${name} is not set`)
  return env[name] ?? fallback ?? ''
})

const compose = parse(file('compose.yaml')) as Compose

test('every variable of compose.yaml is one that the server knows', t => {
  const server = compose.services.server!
  const env = Object.fromEntries(Object.entries(server.environment!).map(([name, value]) => [name, filled(value, { POSTGRES_PASSWORD: 'p', API_KEYS: 'sk-first=red' })]))
  const known = new Set(Object.values(SETTINGS).map(setting => setting.env))
  for (const name of Object.keys(env)) t.ok(known.has(name), name)
  t.equal(server.command, undefined)
  const command = readCommand([], { ...variables, ...env })
  if (command.run !== 'serve') throw new Error(command.run)
  t.match(configure(command.values, undefined).config, { storage: 'postgres://openai:p@postgres:5432/openai', apiKeys: { 'sk-first': 'red' }, requireApiKeys: true, aliases: { 'gpt-4*': 'llama3.2' }, providers: { openai: { baseURL: 'http://ollama:11434/v1' } } })
  t.throws(() => filled(server.environment!.API_KEYS!, {}), { message: 'API_KEYS is not set' }, 'no keys, no start')
  t.end()
})

test('the instances of compose.yaml are one server', { skip: await skipPostgres() }, async t => {
  const { environment, deploy } = compose.services.server!
  const upstream = await startUpstream(t, { models: ['llama3.2'], script: [text('Hello')] })
  const storage = sharedStores.find(({ name }) => name === 'postgres')!.url(t)
  const env = Object.fromEntries(Object.entries(environment!).map(([name, value]) => [name, filled(value, { POSTGRES_PASSWORD: 'p', API_KEYS: 'sk-first=red' })]))
  const cwd = t.testdir()
  const there = { ...env, STORAGE_URL: storage, OPENAI_BASE_URL: upstream.url, HOST: '127.0.0.1', PORT: '0' }
  const instances = await Promise.all(Array.from({ length: deploy!.replicas }, async () => connectTo(t, await startCli(t, { cwd, env: there }).ready, { authorization: 'Bearer sk-first' })))
  t.equal(instances.length, 2)
  const [one, other] = instances as [typeof instances[0], typeof instances[0]]
  const [assistant, thread] = [await newAssistant(one, { model: 'gpt-4o' }), await newThread(one, 'Hi')]
  await (await other.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).all()
  t.match((await one.get(`/threads/${thread.id}/runs`)).body.data, [{ status: 'completed' }])
  t.equal(upstream.chats[0]!.body.model, 'llama3.2')
})

const unit = file('fastify-openai-compat.service')

test('systemd takes the unit', { skip: spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'there is no systemd' }, async t => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(root, 'deploy/fastify-openai-compat.service')], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.notMatch(stderr, /fastify-openai-compat\.service/)
})

test('the command line of the unit is one, and its store is in the unit\'s folder', t => {
  const [, program, ...args] = /^ExecStart=(.*)$/m.exec(unit)![1]!.split(' ')
  t.equal(program, 'fastify-openai-compat')
  const own = Object.fromEntries([...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]))
  const command = readCommand(args, { ...own, API_KEYS: 'sk-first' })
  t.match(command, { run: 'serve', values: { requireKeys: true, storage: `sqlite:${/^WorkingDirectory=(.*)$/m.exec(unit)![1]}/openai-compat.db` } })
  t.match(readCommand(args, { ...own, API_KEYS: 'sk-first', STORAGE_URL: 'postgres://there' }), { values: { storage: 'postgres://there' } }, 'what the file of variables says wins')
  t.equal(`/var/lib/${/^StateDirectory=(.*)$/m.exec(unit)![1]}`, /^WorkingDirectory=(.*)$/m.exec(unit)![1])
  t.end()
})

test('the proxies do what the page on security says', t => {
  const page = readFileSync(join(root, 'docs/security.md'), 'utf8')
  const directives = (code: string): string[] => code.split('\n').map(line => line.trim()).filter(line => /^[a-z_]+ .*[^{]$/.test(line) && !line.startsWith('proxy_pass'))
  const said = directives(/```nginx\n([\s\S]*?)```/.exec(page)![1]!)
  const has = directives(file('nginx.conf'))
  t.ok(said.length > 5)
  for (const directive of said) t.ok(has.includes(directive), directive)
  for (const line of [/flush_interval -1/, /max_size 512MB/]) t.match(file('Caddyfile'), line)
  t.end()
})

test('every metric of the dashboard is one that the server has', async t => {
  const none = () => 0
  const text = await new Metrics({ streams: none, activeRuns: none, indexing: none, heldBytes: none, sandboxes: none }).text()
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]))
  const exists = (name: string): boolean => types.has(name) || types.get(name.replace(/_(?:bucket|sum|count)$/, '')) === 'histogram'
  const { panels, templating } = JSON.parse(file('grafana-dashboard.json')) as { panels: { title: string, targets: { expr: string }[] }[], templating: { list: { query: string | { query: string } }[] } }
  const expressions = [...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)), ...templating.list.flatMap(({ query }) => typeof query === 'string' ? [] : [query.query])]
  const names = new Set(expressions.flatMap(expr => expr.match(/\b(?:openai_compat|nodejs|process)_\w+/g) ?? []))
  t.ok(expressions.every(expr => /\b(?:openai_compat|nodejs|process)_\w+/.test(expr)))
  for (const name of names) t.ok(exists(name), name)
  const shown = [...names].map(name => name.replace(/_(?:bucket|sum|count)$/, ''))
  for (const name of types.keys()) if (name.startsWith('openai_compat_')) t.ok(shown.includes(name), `${name} is shown`)
})

test('docs/deploy.md names every file of the folder', t => {
  const page = readFileSync(join(root, 'docs/deploy.md'), 'utf8')
  for (const name of readdirSync(join(root, 'deploy')).filter(name => !name.endsWith('ignore'))) t.ok(page.includes(`(../deploy/${name})`), name)
  t.end()
})
