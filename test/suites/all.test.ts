import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { root } from '../helpers/paths.js'
import { FOLDERS } from './import.js'

const folder = join(root, 'test')
const testsIn = (name: string): string[] => readdirSync(join(folder, name)).filter(file => file.endsWith('.test.ts'))

test('every test file is run, and run once', async t => {
  const { tap } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { tap: { include: string[] } }
  const alone = /\{(.+)\}/.exec(tap.include.join())![1]!.split(',')
  const folders = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)
  t.strictSame(folders.filter(name => testsIn(name).length > 0), [...alone, ...FOLDERS].sort(), 'each folder is in one of the lists')
  t.strictSame(folders.flatMap(name => readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' }).filter(file => /[\\/].*\.test\.ts$/.test(file))), [], 'no tests lie deeper')

  const parts = testsIn('suites').flatMap(file => {
    const [, names = '', part = '1', of = '1'] = /importTests\(\[(.+)\](?:, (\d), (\d))?\)/.exec(readFileSync(join(folder, 'suites', file), 'utf8')) ?? []
    return [...names.matchAll(/'([^']+)'/g)].map(([, name]) => ({ name: name!, part: Number(part), of: Number(of) }))
  })
  for (const name of FOLDERS) {
    const mine = parts.filter(part => part.name === name)
    t.strictSame(mine.map(({ part }) => part), Array.from({ length: mine[0]?.of ?? 0 }, (_, i) => i + 1), `${name} is imported whole`)
    t.ok(mine.length > 0)
  }
})
