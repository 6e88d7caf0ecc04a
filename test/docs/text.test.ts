import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { readCommand } from '../../lib/cli/arguments.js'
import { COMMANDS } from '../../lib/cli/commands.js'
import { SETTINGS, type Setting } from '../../lib/cli/settings.js'
import { startCli } from '../helpers/process.js'
import { root } from '../helpers/paths.js'
import { blocksIn, pages, textOf, where } from './helpers/blocks.js'

test('every JSON block parses', async t => {
  for (const block of blocksIn('json')) t.doesNotThrow(() => JSON.parse(block.code), where(block))
})

test('every shell block names scripts and flags that exist', async t => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const flags = new Set(['--help', '--version', '-h', '-v'])
  for (const { flag, short } of Object.values(SETTINGS) as Setting<unknown>[]) {
    if (flag !== undefined) flags.add(`--${flag}`)
    if (short !== undefined) flags.add(`-${short}`)
  }
  const blocks = blocksIn('sh')
  t.ok(blocks.length > 0)
  for (const block of blocks) {
    for (const [, script = ''] of block.code.matchAll(/npm (?:run )?(start|test|(?<=run )[\w:]+)/g)) t.ok(scripts[script], `${where(block)}: npm ${script}`)
    for (const [, given = ''] of block.code.matchAll(/(?:fastify-openai-compat|npm start --)((?: [^\n|&;]*)?)/g)) {
      const words = given.trim().split(/\s+/)
      if (Object.keys(COMMANDS).some(name => name.split(' ')[0] === words[0])) {
        t.doesNotThrow(() => readCommand(words, {}), `${where(block)}: ${given}`)
        continue
      }
      for (const [flag] of given.matchAll(/(?<=\s)--?[a-z][\w-]*/g)) t.ok(flags.has(flag), `${where(block)}: ${flag}`)
    }
  }
})

test('every link between the pages leads somewhere', async t => {
  for (const page of [...pages, 'CHANGELOG.md', 'examples/README.md', 'test/data/README.md']) {
    for (const [, target = ''] of textOf(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      if (!t.ok(existsSync(join(root, file)), `${page}: ${target}`) || anchor === undefined) continue
      const anchors = [...textOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-'))
      t.ok(anchors.includes(anchor), `${page}: ${target}`)
    }
  }
})

test('the config file of docs/command-line.md starts the command line', async t => {
  const [block] = blocksIn('js').filter(block => block.page === 'docs/command-line.md')
  const code = block!.code.replace('port: 8080', 'port: 0').replace(/'postgres:[^']*'/, "'memory:'")
  t.not(code, block!.code)
  const cwd = t.testdir({ 'openai-compat.config.js': code, 'package.json': '{"type":"module"}' })
  const { ready, exited, child } = startCli(t, { cwd })
  const url = await ready
  t.equal((await fetch(`${url}/assistants`)).status, 401)
  t.equal((await fetch(`${url}/assistants`, { headers: { authorization: 'Bearer sk-red' } })).status, 200)
  child.kill('SIGTERM')
  t.match(await exited, { code: 0 })
})

test('the table of docs/command-line.md is that of the settings', async t => {
  const page = textOf('docs/command-line.md')
  for (const { flag, env, fallback, about } of Object.values(SETTINGS) as Setting<unknown>[]) {
    const row = page.split('\n').find(line => line.startsWith('|') && line.includes(`\`${env}\``)) ?? ''
    t.ok(row.includes(about) && row.includes(fallback), `${env}: ${about}`)
    if (flag !== undefined) t.ok(row.includes(`--${flag}`), flag)
  }
})
