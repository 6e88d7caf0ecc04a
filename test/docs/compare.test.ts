import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { root } from '../helpers/paths.js'
import { textOf } from './helpers/blocks.js'

const page = textOf('docs/compare.md')
const rows = page.split('\n').filter(line => line.startsWith('| ')).map(line => line.slice(1, -1).split('|').map(cell => cell.trim())).slice(1)
const sources = [...page.matchAll(/^(\d+)\. .*, read on \d{4}-\d\d-\d\d: .*<https:\/\/\S+>$/gm)].map(([, number]) => number)

/** A file of tests with those that it takes its tests from. */
function withImports (path: string): string {
  const text = readFileSync(path, 'utf8')
  const imported = [...text.matchAll(/from '(\.{1,2}\/[^']+)\.js'/g)].map(([, name]) => join(dirname(path), `${name}.ts`))
  return [text, ...imported.filter(file => existsSync(file)).map(file => readFileSync(file, 'utf8'))].join('\n')
}

test('each cell of docs/compare.md about this server names tests that exist, in files that npm test runs', async t => {
  t.ok(rows.length >= 12)
  for (const [feature = '', ours = ''] of rows) {
    const links = [...ours.matchAll(/\[test\]\(([^)]*)\)/g)].map(([, link = '']) => link)
    t.not(links.length, 0, feature)
    for (const link of links) {
      const [, file = '', name = ''] = /^\.\.\/(test\/(?:[\w-]+\/)?[\w-]+\.test\.ts) "([^"]+)"$/.exec(link) ?? []
      t.ok(file !== '' && existsSync(join(root, file)), `${feature}: ${link}`)
      const names = [...withImports(join(root, file)).matchAll(/\btest\((['`])(.*?)(?<!\\)\1/g)].map(([,, title = '']) => title.replaceAll('\\', ''))
      t.ok(names.some(title => title.includes(name)), `${file} has a test "${name}"`)
    }
  }
})

test('what it says of others has a date and a source, and every source is used', async t => {
  t.equal(sources.length, page.slice(page.indexOf('## Sources')).match(/^\d+\. /gm)!.length, 'each source with its date')
  const used = new Set<string>()
  for (const [feature = '', , ...others] of rows) {
    t.equal(others.length, 4, feature)
    for (const cell of others) {
      const numbers = [...cell.matchAll(/\[(\d+)\]/g)].map(([, number = '']) => number)
      t.ok(numbers.length > 0 && numbers.every(number => sources.includes(number)), `${feature}: ${cell}`)
      for (const number of numbers) used.add(number)
    }
  }
  t.strictSame([...used].sort((a, b) => Number(a) - Number(b)), sources)
})
