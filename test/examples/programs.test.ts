import { readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import OpenAI from 'openai'
import { test } from 'tap'
import { startCli } from '../helpers/process.js'
import { root } from '../helpers/paths.js'
import { startExample } from './helpers.js'

/** What each program says that ends by itself. */
const PROGRAMS: Record<string, string> = {
  'in-process.ts': 'Hello from this very process!\n',
  'server-tool.ts': 'completed 42\n',
  'custom-store.ts': 'After the restart the thread has messages of: assistant, user\n'
}

for (const [name, said] of Object.entries(PROGRAMS)) {
  test(`examples/${name} runs and ends`, async t => {
    t.strictSame(await startExample(t, name.replace(/\.ts$/, '.js')).exited, { code: 0, signal: null, stdout: said, stderr: '' })
  })
}

test('examples/plugin.ts serves the API, and has ten lines at most', async t => {
  const { child } = startExample(t, 'plugin.js', { env: { PORT: '0' } })
  const [line] = await once(createInterface(child.stdout!), 'line') as [string]
  const baseURL = /http:\S+/.exec(line)?.[0] ?? ''
  t.match(baseURL, /\/v1$/)
  const assistant = await new OpenAI({ baseURL, apiKey: 'none' }).beta.assistants.create({ model: 'echo' })
  t.match(assistant.id, /^asst_/)
  t.ok(readFileSync(join(root, 'examples/plugin.ts'), 'utf8').trim().split('\n').length <= 10)
})

test('examples/openai-compat.config.js starts the command line', async t => {
  const { ready } = startCli(t, { args: ['--config', join(root, 'examples/openai-compat.config.js'), '--port', '0'] })
  const url = await ready
  const statusFor = async (key: string) => (await fetch(`${url}/assistants`, { headers: { authorization: `Bearer ${key}` } })).status
  t.strictSame([await statusFor('sk-web'), await statusFor('sk-other')], [200, 401])
})

test('every example has a line in examples/README.md, and is run by a test', async t => {
  const page = readFileSync(join(root, 'examples/README.md'), 'utf8')
  const files = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' }).filter(name => /\.(ts|js)$/.test(name))
  const tests = readdirSync(join(root, 'test/examples')).map(name => readFileSync(join(root, 'test/examples', name), 'utf8')).join('\n')
  for (const name of files) {
    t.ok(page.includes(`](${name})`), `${name} is listed`)
    const run = name.startsWith('extending/') ? name.replace(/^extending\/|(\.test)?\.ts$/g, '') : name
    t.ok(tests.includes(run), `${name} is run`)
  }
})
