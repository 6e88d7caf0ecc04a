import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { PLUGIN_OPTION_NAMES } from '../../lib/options/names.js'
import { SERVER_OPTION_NAMES } from '../../lib/server/options.js'
import { root } from '../helpers/paths.js'
import { optionsPage } from './helpers/options-page.js'

const path = join(root, 'docs/options.md')
if (process.env.UPDATE_DOCS === '1') writeFileSync(path, optionsPage())

test('docs/options.md says what the code says', async t => {
  t.equal(readFileSync(path, 'utf8'), optionsPage(), 'run: npm run docs')
})

test('docs/options.md has every option that the plugin and the server take, each with its type and default', async t => {
  const rows = readFileSync(path, 'utf8').split('\n').filter(line => line.startsWith('| `'))
  for (const name of new Set([...PLUGIN_OPTION_NAMES, ...SERVER_OPTION_NAMES])) t.ok(rows.some(row => row.startsWith(`| \`${name}\` |`)), name)
  for (const row of rows) {
    const cells = row.split(/(?<!\\)\|/).map(cell => cell.trim()).slice(1, -1)
    t.equal(cells.length, 5, row)
    t.notOk(cells.slice(0, 3).includes(''), row)
  }
})

test('the documented defaults of the server are those of the code', async t => {
  const page = readFileSync(path, 'utf8')
  for (const [name, fallback] of Object.entries({ port: '8080', host: '`0.0.0.0`', apiKeys: 'none', tools: 'none', logging: 'false' })) {
    t.match(page, new RegExp(`\\| \`${name}\` \\|.*\\| ${fallback.replaceAll('.', '\\.')}`), name)
  }
})
