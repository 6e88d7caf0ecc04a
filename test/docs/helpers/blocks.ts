/** The documentation as its readers get it: the files, and what stands in their fences. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../helpers/paths.js'

/** Paths from the root. */
export const pages: readonly string[] = ['README.md', ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]

export const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')

export interface Block {
  page: string
  /** Of the first line of code, from 1. */
  line: number
  language: string
  /** Whether it says that it can be run: ```` ```ts run ````. */
  runs: boolean
  /** The file that it is a copy of: ```` ```ts examples/plugin.ts ````. */
  file: string | undefined
  code: string
}

export const where = ({ page, line }: Block): string => `${page}:${line}`

/** The fenced blocks of all pages in these languages. */
export function blocksIn (...languages: string[]): Block[] {
  return pages.flatMap(blocksOf).filter(block => languages.includes(block.language))
}

export function blocksOf (page: string): Block[] {
  const blocks: Block[] = []
  let open: Block | undefined
  textOf(page).split('\n').forEach((text, index) => {
    const fence = /^```(\w*)(.*)$/.exec(text)
    if (fence === null) {
      if (open !== undefined) open.code += `${text}\n`
    } else if (open === undefined) {
      const info = fence[2]?.trim() ?? ''
      open = { page, line: index + 2, language: fence[1] ?? '', runs: info === 'run', file: info.includes('/') ? info : undefined, code: '' }
    } else {
      blocks.push(open)
      open = undefined
    }
  })
  if (open !== undefined) throw new Error(`${where(open)}: the block does not end`)
  return blocks
}
