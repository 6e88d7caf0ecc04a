import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'tap'
import { textOf } from './helpers/parse.js'

const folder = new URL('../../../test/data/documents/', import.meta.url)
type Expected = string | { regexp: string, flags: string }

const expectations = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Record<string, Expected[]>

for (const [name, expected] of Object.entries(expectations)) {
  test(`${name} is read`, async t => {
    const text = await textOf(basename(name), new Uint8Array(readFileSync(new URL(name, folder))))
    const words = text.replace(/\s+/g, ' ') + ' '
    for (const item of expected) {
      if (typeof item === 'string') t.ok(words.includes(item), `"${item}" is in: ${words.slice(0, 500)}`)
      else t.match(text, new RegExp(item.regexp, item.flags))
    }
    t.notMatch(text, /\0/)
  })
}
