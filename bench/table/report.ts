import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import type { Shares } from './profile.js'
import type { Row } from './scenario.js'

export interface Result extends Row {
  floor: number | null
  ours: number
  /** To the floor. */
  ratio: number | null
  limit: number | null
  /** The ratio to the limit. */
  ofLimit: number | null
}

/** When, where and of what something was measured. */
export interface Origin {
  date: string
  commit: string
  command: string
  machine: string
  /** Load average of the minute before and the minute after. */
  load: [number, number]
  seconds: number
}

export interface Report extends Origin { results: Result[] }

/** Where the time went in some of the loads, by the id of the load. */
export interface Profile extends Origin { loads: Record<string, Shares> }

/** The kept reports, one for each mode. */
export type Kept = Partial<Record<'quick' | 'full', Report>> & { profile?: Profile }

export const RESULTS = 'bench/results.json'
const PAGE = 'docs/performance.md'

export const load = (): number => Math.round(loadavg()[0]! * 10) / 10

export const machine = (): string =>
  `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${process.arch}, Node ${process.versions.node}`

export const commit = (): string => execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()

export const kept = (): Kept => existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) as Kept : {}

export const figure = (value: number | null): string => value === null
  ? ''
  : value.toLocaleString('en', Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 })

const sign = ({ better }: Row): string => better === 'more' ? '≥' : '≤'

function target (row: Row): string {
  const { ratio, value } = row.target
  if (ratio !== undefined) return `${sign(row)} ${ratio} of the floor`
  return value === undefined ? '' : `${sign(row)} ${figure(value)} ${row.unit}`.trim()
}

/** Whether the target is met; undefined where there is none. */
export function met ({ better, target: { ratio: bound, value }, ours, ratio }: Result): boolean | undefined {
  const [measured, limit] = bound === undefined ? [ours, value] : [ratio, bound]
  if (limit === undefined || measured === null) return undefined
  return better === 'more' ? measured >= limit : measured <= limit
}

const cells = (result: Result): string[] => [
  result.name,
  `${figure(result.ours)} ${result.unit}`.trim(),
  result.floor === null ? '' : `${figure(result.floor)} ${result.unit}`.trim(),
  figure(result.ratio),
  target(result),
  { true: 'met', false: 'missed', undefined: '' }[String(met(result)) as 'true'],
  result.limit === null ? '' : `${figure(result.limit)} ${result.unit}`.trim(),
  figure(result.ofLimit)
]

const HEAD = ['', 'measured', 'floor', 'ratio', 'target', '', 'limit', 'ratio']
/** Columns of words. */
const WORDS = [0, 4, 5]

/** Columns of one width each, for a terminal. */
export function terminal (results: Result[]): string {
  const rows = [HEAD, ...results.map(cells)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => row.map((cell, column) => WORDS.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join('  ').trimEnd()).join('\n')
}

export const line = (row: string[]): string => `| ${row.join(' | ')} |`

export const originOf = ({ date, commit: at, command, machine: on, load: [before, after], seconds }: Origin): string =>
  `\`${command}\` on ${date}, commit ${at}: ${on}; load average ${before} before and ${after} after; ${seconds} s.`

function markdown (report: Report | Profile): string {
  const table = 'loads' in report ? profileTable(report) : [line(HEAD), `|${HEAD.map((_, column) => WORDS.includes(column) ? '---|' : '---:|').join('')}`, ...report.results.map(result => line(cells(result)))]
  return [originOf(report), '', ...table].join('\n')
}

/** The largest first, by the sum over all loads. */
function profileTable ({ loads }: Profile): string[] {
  const columns = Object.values(loads)
  const sum = (place: string): number => columns.reduce((total, shares) => total + (shares[place] ?? 0), 0)
  const places = [...new Set(columns.flatMap(shares => Object.keys(shares)))].sort((a, b) => sum(b) - sum(a))
  const percent = (share = 0): string => `${(share * 100).toFixed(1)} %`
  return [line(['', ...Object.keys(loads)]), `|---|${'---:|'.repeat(columns.length)}`, ...places.map(place => line([place, ...columns.map(shares => percent(shares[place]))]))]
}

/** Keeps a report, in the file that later ones are compared with and in the documentation. */
export function keep (mode: 'quick' | 'full' | 'profile', report: Report | Profile): void {
  writeFileSync(RESULTS, JSON.stringify({ ...kept(), [mode]: report }, null, 1) + '\n')
  const page = readFileSync(PAGE, 'utf8')
  const [begin, end] = [`<!-- ${mode}: written by npm run bench -->`, `<!-- end of ${mode} -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from !== -1 && to > from) writeFileSync(PAGE, `${page.slice(0, from + begin.length)}\n${markdown(report)}\n${page.slice(to)}`)
}

/** The steady rows whose ratio to the floor is more than a fifth worse than the kept one. */
export function worse (results: Result[], before: Result[]): string[] {
  return results.filter(({ steady }) => steady).flatMap(({ name, better, ratio }) => {
    const old = before.find(result => result.name === name)?.ratio
    if (old === null || old === undefined || ratio === null || old <= 0 || ratio <= 0) return []
    const share = better === 'more' ? ratio / old : old / ratio
    return share < 0.8 ? [`${name}: ${figure(ratio)} of the floor, ${figure(old)} before`] : []
  })
}
