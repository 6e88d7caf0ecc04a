import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../helpers/paths.js'
import { FAULTS } from './faults.js'
import type { Result } from './rounds.js'
import { STORES } from './stores.js'
import { GRACE_MS, LEASE_MS, PACE } from './times.js'

const RESULTS = join(root, 'test/chaos/results')
export const PAGE = join(root, 'docs/reliability.md')
/** The release whose results stand beside those of the present. */
const EARLIER = '0.1.0'
const BEGIN = '<!-- made by npm run test:chaos -->'
const END = '<!-- end -->'

interface Kept extends Pick<Result, 'fault' | 'store' | 'rounds' | 'acknowledged' | 'counts' | 'recoveryMs'> {
  /** How many of the rounds were run on which day (`2026-11-28`, UTC), and how slowly (`2026-11-28, × 3`), so that the table tells how old they are. Those before it was kept are missing. */
  days?: Record<string, number>
}

/** Adds to the rounds that are kept. Of the present version, unless another is named. */
export function keepResult ({ findings: _, ...result }: Result, version = 'now'): void {
  const folder = join(RESULTS, version)
  mkdirSync(folder, { recursive: true })
  const before = readResults(version).find(({ fault, store }) => fault === result.fault && store === result.store)
  const day = new Date().toISOString().slice(0, 10) + (PACE === 1 ? '' : `, × ${PACE}`)
  const after: Kept = { ...result, days: { [day]: result.rounds } }
  writeFileSync(join(folder, `${result.fault}-${result.store}.json`), `${JSON.stringify(before === undefined ? after : together(before, after))}\n`)
}

function together (before: Kept, after: Kept): Kept {
  const counts = { ...after.counts }
  for (const [kind, count] of Object.entries(before.counts) as [keyof Kept['counts'], number][]) counts[kind] += count
  return {
    ...after,
    rounds: before.rounds + after.rounds,
    acknowledged: before.acknowledged + after.acknowledged,
    counts,
    days: summed(before.days, after.days),
    recoveryMs: [...before.recoveryMs, ...after.recoveryMs]
  }
}

function summed (before: Kept['days'] = {}, after: Kept['days'] = {}): Record<string, number> {
  const sum = { ...before }
  for (const [day, rounds] of Object.entries(after)) sum[day] = (sum[day] ?? 0) + rounds
  return sum
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
      rows.push(`| ${about} | ${store} | ${rounds} | ${latest(result)} | ${acknowledged.toLocaleString('en')} | ${lost} | ${twice} | ${stuck} | ${amiss} | ${ended} | ${unhandled} | ${seconds(median(recoveryMs))} / ${seconds(Math.max(...recoveryMs))} | ${summary(earlier.find(mine))} |`)
    }
  }
  const sum = (pick: (result: Kept) => number): string => now.reduce((total, result) => total + pick(result), 0).toLocaleString('en')
  return [
    `${sum(({ rounds }) => rounds)} rounds, ${sum(({ acknowledged }) => acknowledged)} acknowledged objects; leases of ${LEASE_MS / PACE / 1000} s, so that anything unfinished after ${(LEASE_MS + GRACE_MS) / PACE / 1000} s counts as stuck.`,
    '',
    `| What happens | Store | Rounds | The latest of them | Acknowledged | Lost | Twice | Stuck | Amiss | Processes ended | Unhandled | At rest after, median / longest | ${EARLIER} |`,
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows
  ].join('\n')
}

function summary (result: Kept | undefined): string {
  if (result === undefined) return 'not run'
  const words = Object.entries({ ...result.counts }).filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`)
  return `${words.length === 0 ? 'held' : words.join(', ')} in ${result.rounds}`
}

/** How many were run on the last day, and which that is. */
function latest ({ days = {} }: Kept): string {
  const [day, rounds] = Object.entries(days).sort().at(-1) ?? []
  return day === undefined ? 'earlier' : `${rounds} on ${day}`
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

function median (numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
