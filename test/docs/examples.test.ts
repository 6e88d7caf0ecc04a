import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { root } from '../helpers/paths.js'
import { blocksOf, pages, textOf, where } from './helpers/blocks.js'

const copies = () => pages.flatMap(blocksOf).filter(block => block.file !== undefined)

if (process.env.UPDATE_DOCS === '1') {
  for (const { page, file = '', code } of copies()) {
    const fence = `\`\`\`ts ${file}\n`
    writeFileSync(join(root, page), textOf(page).replace(`${fence}${code}`, () => `${fence}${readFileSync(join(root, file), 'utf8')}`))
  }
}

test('code that the docs show of a file is that of the file', async t => {
  const blocks = copies()
  t.ok(blocks.length > 0)
  for (const block of blocks) t.equal(block.code, readFileSync(join(root, block.file ?? ''), 'utf8'), `${where(block)}: run npm run docs`)
})
