import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../helpers/paths.js'
import { FAULTS } from './faults.js'
import type { Result } from './rounds.js'
import { STORES } from './stores.js'
import { GRACE_MS, LEASE_MS } from './times.js'

const RESULTS = join(root, 'test/chaos/results')
export const PAGE = join(root, 'docs/reliability.md')
/** The release whose results stand beside those of the present. */
const EARLIER = '0.1.0'
const BEGIN = '<!-- made by npm run test:chaos -->'
const END = '<!-- end -->'

type Kept = Pick<Result, 'fault' | 'store' | 'rounds' | 'acknowledged' | 'counts' | 'recoveryMs'>

/** Adds to the rounds that are kept. Of the present version, unless another is named. */
export function keepResult ({ findings: _, ...result }: Result, version = 'now'): void {
  const folder = join(RESULTS, version)
  mkdirSync(folder, { recursive: true })
  const before = readResults(version).find(({ fault, store }) => fault === result.fault && store === result.store)
  writeFileSync(join(folder, `${result.fault}-${result.store}.json`), `${JSON.stringify(before === undefined ? result : together(before, result))}\n`)
}

function together (before: Kept, after: Kept): Kept {
  const counts = { ...after.counts }
  for (const [kind, count] of Object.entries(before.counts) as [keyof Kept['counts'], number][]) counts[kind] += count
  return {
    ...after,
    rounds: before.rounds + after.rounds,
    acknowledged: before.acknowledged + after.acknowledged,
    counts,
    recoveryMs: [...before.recoveryMs, ...after.recoveryMs]
  }
}

export function readResults (version = 'now'): Kept[] {
  let names: string[] = []
  try {
    names = readdirSync(join(RESULTS, version))
  } catch {}
  return names.map(name => JSON.parse(readFileSync(join(RESULTS, version, name), 'utf8')) as Kept)
}

/** Puts the table in its place in the page. */
export function writeTable (): void {
  const page = readFileSync(PAGE, 'utf8')
  writeFileSync(PAGE, withTable(page, readResults(), readResults(EARLIER)))
}

export function withTable (page: string, now: readonly Kept[], earlier: readonly Kept[]): string {
  return between(page, BEGIN, END, table(now, earlier))
}

/** The page with this text between two marks. */
export function between (page: string, begin: string, end: string, text: string): string {
  const [before, rest] = split(page, begin)
  const [, after] = split(rest, end)
  return `${before}${begin}\n\n${text}\n\n${end}${after}`
}

function split (text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  if (at === -1) throw new Error(`the page has no ${mark}`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

function table (now: readonly Kept[], earlier: readonly Kept[]): string {
  const rows: string[] = []
  for (const { name: fault, about, stores } of FAULTS) {
    for (const { name: store } of STORES.filter(({ name }) => stores.includes(name))) {
      const mine = (result: Kept): boolean => result.fault === fault && result.store === store
      const result = now.find(mine)
      if (result === undefined) continue
      const { rounds, acknowledged, counts: { lost, twice, stuck, amiss, ended, unhandled }, recoveryMs } = result
      rows.push(`| ${about} | ${store} | ${rounds} | ${acknowledged.toLocaleString('en')} | ${lost} | ${twice} | ${stuck} | ${amiss} | ${ended} | ${unhandled} | ${seconds(median(recoveryMs))} / ${seconds(Math.max(...recoveryMs))} | ${summary(earlier.find(mine))} |`)
    }
  }
  const sum = (pick: (result: Kept) => number): string => now.reduce((total, result) => total + pick(result), 0).toLocaleString('en')
  return [
    `${sum(({ rounds }) => rounds)} rounds, ${sum(({ acknowledged }) => acknowledged)} acknowledged objects; leases of ${LEASE_MS / 1000} s, so that anything unfinished after ${(LEASE_MS + GRACE_MS) / 1000} s counts as stuck.`,
    '',
    `| What happens | Store | Rounds | Acknowledged | Lost | Twice | Stuck | Amiss | Processes ended | Unhandled | At rest after, median / longest | ${EARLIER} |`,
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows
  ].join('\n')
}

function summary (result: Kept | undefined): string {
  if (result === undefined) return 'not run'
  const words = Object.entries({ ...result.counts }).filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`)
  return `${words.length === 0 ? 'held' : words.join(', ')} in ${result.rounds}`
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

function median (numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
