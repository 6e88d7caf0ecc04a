import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../helpers/paths.js'
import { PAGE, between } from '../../chaos/report.js'
import type { Held } from './probe.js'

const RESULTS = join(root, 'test/soak/steady/results')
const [BEGIN, END] = ['<!-- made by the soak -->', '<!-- end of the soak -->']

export interface Soak {
  store: string
  minutes: number
  /** That came to their end. */
  runs: number
  /** Medians of the second and of the last quarter of the time. */
  early: Held
  late: Held
  /** When all clients had left. */
  atRest: Held
}

export function keepSoak (soak: Soak): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, `${soak.store}.json`), `${JSON.stringify(soak)}\n`)
}

export function readSoaks (): Soak[] {
  try {
    return readdirSync(RESULTS).sort().map(name => JSON.parse(readFileSync(join(RESULTS, name), 'utf8')) as Soak)
  } catch {
    return []
  }
}

/** Puts the table in its place in the page. */
export function writeSoakTable (): void {
  writeFileSync(PAGE, withSoakTable(readFileSync(PAGE, 'utf8'), readSoaks()))
}

export function withSoakTable (page: string, soaks: readonly Soak[]): string {
  if (soaks.length === 0) return page
  const mb = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`
  const rows = soaks.map(({ store, minutes, runs, early, late, atRest }) =>
    `| ${store} | ${minutes} min | ${runs.toLocaleString('en')} | ${mb(early.heap)} / ${mb(late.heap)} / ${mb(atRest.heap)} | ${mb(early.rss)} / ${mb(late.rss)} / ${mb(atRest.rss)} | ${early.handles} / ${late.handles} / ${atRest.handles} | ${early.descriptors} / ${late.descriptors} / ${atRest.descriptors} |`)
  return between(page, BEGIN, END, [
    'Each cell has the median of the second quarter of the time, that of the last quarter, and what was left when all clients had gone.',
    '',
    '| Store | Time | Runs | Live heap | RSS | Handles | Descriptors |',
    '|---|---|---|---|---|---|---|',
    ...rows
  ].join('\n'))
}
