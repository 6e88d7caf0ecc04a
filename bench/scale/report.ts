/** What was measured of scale, kept, and as tables of docs/scaling.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { figure, kept, line, originOf, type Origin, type Report } from '../table/report.js'
import { CHUNK_WORDS, DIMENSIONS, type ChunkLevel } from './chunks.js'
import type { LongThread } from './long-thread.js'
import type { ManyThreads } from './many-threads.js'
import type { Places } from './places.js'
import { expected, wholeOf, type StoreThroughput } from './throughput.js'

export interface Measured {
  throughput: StoreThroughput[]
  places: Places[]
  messages: LongThread[]
  threads: ManyThreads[]
  chunks: ChunkLevel[]
}

export type Part = keyof Measured

export const PARTS: readonly Part[] = ['throughput', 'places', 'messages', 'threads', 'chunks']

export interface ScaleReport<P extends Part = Part> extends Origin { measured: Measured[P] }

export type KeptScale = { [P in Part]?: ScaleReport<P> }

export const SCALE_RESULTS = 'bench/scale.json'
export const SCALE_PAGE = 'docs/scaling.md'

export const keptScale = (): KeptScale => existsSync(SCALE_RESULTS) ? JSON.parse(readFileSync(SCALE_RESULTS, 'utf8')) as KeptScale : {}

const NAMES: Record<string, string> = { redis: 'Redis', cluster: 'Redis Cluster', postgres: 'PostgreSQL' }
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const per = (value: number): string => `${figure(value)} /s`
const ms = (value: number): string => `${figure(value)} ms`
const times = (value: number): string => `${figure(value)} ×`

/** A table whose first `words` columns are words and whose others are figures. */
const table = (head: string[], rows: string[][], words = 1): string => [line(head), `|${head.map((_, column) => column < words ? '---|' : '---:|').join('')}`, ...rows.map(line)].join('\n')

/** The cores of the machine that was measured, which need not be this one. */
const coresOf = ({ machine }: Origin): number => Number(/(\d+) cores/.exec(machine)![1])

const RUNS_BY = { instances: 'the instances', cores: 'the cores', store: 'the store' }

function throughputRows (report: ScaleReport<'throughput'>): string[][] {
  return report.measured.flatMap(({ store, rows }) => rows.map(row => {
    const { by, runsPerS } = expected(row, coresOf(report), store !== 'postgres')
    const one = rows.find(({ instances, share }) => instances === 1 && share === row.share)!
    return [
      NAMES[store]!, row.share === null ? 'none' : `${figure(row.share)} of a core`, String(row.instances), per(row.runsPerS), times(row.runsPerS / one.runsPerS),
      ...[row.cpu.servers, row.cpu.store === null ? NaN : sum(row.cpu.store), row.cpu.vendor, row.cpu.proxy, row.cpu.clients].map(value => Number.isNaN(value) ? '' : figure(value)),
      figure(wholeOf(row.cpu) * row.runsPerS / 1000), `${per(runsPerS)}, ${RUNS_BY[by]}`
    ]
  }))
}

/** What each store's figures say of machines that are not shared, from the rows in which nothing else held the instances up. */
function modelRows ({ measured }: ScaleReport<'throughput'>): string[][] {
  return measured.map(({ store, rows }) => {
    const { cpu } = rows.filter(({ share }) => share === null).at(-1)!
    const perInstance = 1000 / cpu.servers
    const nodes = cpu.store ?? []
    const ofStore = nodes.length === 0 ? NaN : 1000 / (store === 'postgres' ? sum(nodes) : Math.max(...nodes))
    const known = (value: number, text: (value: number) => string): string => Number.isNaN(value) ? '' : text(value)
    return [NAMES[store]!, ms(cpu.servers), per(perInstance), known(sum(nodes) || NaN, ms), known(ofStore, value => store === 'postgres' ? `${per(value)} and core` : per(value)), known(ofStore / perInstance, figure)]
  })
}

/** How busy each node of the cluster was, beside an even third. */
function evenness ({ measured }: ScaleReport<'throughput'>): string | undefined {
  const nodes = measured.find(({ store }) => store === 'cluster')?.rows.filter(({ share }) => share === null).at(-1)?.cpu.store
  if (nodes == null) return undefined
  return `The three masters had ${nodes.map(value => `${figure(value / sum(nodes) * 100)} %`).join(', ')} of the cluster's work.`
}

const RENDER: { [P in Part]: (report: ScaleReport<P>) => string[] } = {
  throughput: report => [
    report.measured.map(({ about }) => `${about}.`).join(' '),
    table(['Store', 'Bound of each instance', 'Instances', 'runs', 'against one', 'instances', 'store', 'vendor', 'proxy', 'clients', 'cores in use', 'expected, bound by'], throughputRows(report), 2),
    table(['Store', 'CPU of an instance per run', 'one instance on a core of its own', 'CPU of the store per run', 'the store takes', 'instances that keep it busy'], modelRows(report)),
    ...evenness(report) === undefined ? [] : [evenness(report)!]
  ],
  places: ({ measured }) => [table(['Store', 'one partition', '16 partitions', 'ratio'], measured.map(({ store, one, split, ratio }) => [NAMES[store]!, per(one), per(split), times(ratio)]))],
  messages: ({ measured }) => {
    const columns = measured.flatMap(({ store, messages }) => [`${NAMES[store]!}: 10`, messages.toLocaleString('en'), 'ratio'])
    const rows = measured[0]?.rows.map(({ what }, n) => [what, ...measured.flatMap(({ rows }) => [ms(rows[n]!.smallMs), ms(rows[n]!.largeMs), times(rows[n]!.ratio)])]) ?? []
    return [table(['', ...columns], rows)]
  },
  threads: ({ measured }) => measured.flatMap(({ states, rows, bytes, fillS, recoveries }) => {
    const [few, many] = states as [typeof states[number], typeof states[number]]
    const pairs: [string, (state: typeof few) => number, (value: number) => string][] = [
      ['threads created with a message, 64 clients', state => state.createsPerS, per],
      ['get one, p50', state => state.getMs.p50, ms],
      ['get one, p99', state => state.getMs.p99, ms],
      ['the newest 20', state => state.newestMs, ms],
      ['the oldest 20', state => state.oldestMs, ms],
      ['20 behind one in the middle', state => state.middleMs, ms]
    ]
    const count = (state: typeof few): string => `${state.threads.toLocaleString('en')} threads`
    const gigabytes = (value: number): string => `${figure(value / 2 ** 30)} GiB`
    return [
      table(['', count(few), count(many), 'ratio'], pairs.map(([what, value, text]) => [what, text(value(few)), text(value(many)), times(value(many) / value(few))])),
      `On the disk: ${Math.round(rows).toLocaleString('en')} rows, ${gigabytes(bytes.table)} and ${gigabytes(bytes.indexes)} of indexes, ${Math.round((bytes.table + bytes.indexes) / many.threads).toLocaleString('en')} bytes for a thread with a message of 400 characters. They were written in ${figure(fillS)} s by copying rows within the database.`,
      table(['Start with', 'threads', 'takes requests after', 'all runs have ended after'], recoveries.map(({ threads, activeRuns, leaseMs, listensMs, restedMs }) => [
        activeRuns === 0 ? 'no active runs' : `${activeRuns.toLocaleString('en')} active runs of an instance that was killed, lease ${figure(leaseMs / 1000)} s`,
        threads.toLocaleString('en'), ms(listensMs), restedMs === null ? '' : `${ms(restedMs)} more`
      ]))
    ]
  }),
  chunks: ({ measured }) => {
    const [few, many] = measured as [ChunkLevel, ChunkLevel]
    const megabytes = (value: number): string => `${figure(value / 2 ** 20)} MiB`
    const pairs: [string, (level: ChunkLevel) => number, (value: number) => string][] = [
      ['search by six words, p50', level => level.wordsMs.p50, ms],
      ['the same, p99', level => level.wordsMs.p99, ms],
      [`search by them and a vector of ${DIMENSIONS}, p50`, level => level.bothMs.p50, ms],
      ['the same, p99', level => level.bothMs.p99, ms],
      ['the file of the index', level => level.fileBytes, megabytes],
      ['memory by which the process has grown', level => level.rssBytes, megabytes],
      ['chunks put into the index', level => level.perS, per]
    ]
    const name = ({ chunks }: ChunkLevel): string => `${chunks.toLocaleString('en')} chunks of ${CHUNK_WORDS} words`
    return [table(['', name(few), name(many), 'ratio'], pairs.map(([what, value, text]) => [what, text(value(few)), text(value(many)), times(value(many) / value(few))]))]
  }
}

export const markdown = <P extends Part>(part: P, report: ScaleReport<P>): string => [originOf(report), ...RENDER[part](report)].join('\n\n')

/** What the table of docs/performance.md says of one instance on one core. */
export function limits (report: Report): string {
  const value = (name: string): number => report.results.find(result => result.name === name)!.ours
  const tokens = 1000 / value('1,000 streams at 20 tokens/s: CPU per 1,000 tokens') * 1000
  return [originOf(report), table(['One instance', ''], [
    ['mixed runs of 50 tokens, SQLite', per(value('mixed runs/s, 64 at a time, 50 tokens, sqlite'))],
    ['the same, by its CPU, on a core of its own', per(1000 / value('CPU per mixed run, sqlite'))],
    ['mixed runs of 50 tokens, memory', per(value('mixed runs/s, 64 at a time, 50 tokens, memory'))],
    ['tokens of 100 streams that a vendor sends as fast as it can', per(value('tokens/s through 100 streams'))],
    ['tokens of streams in which each comes alone, by their CPU, on a core of its own', per(tokens)],
    ['streams of 20 tokens a second, the same', figure(tokens / 20)],
    ['its memory with 1,000 such streams', `${figure(value('the same: RSS at most'))} MB`],
    ['messages added, 50 clients', per(value('POST message, new threads'))],
    ['`GET` of an assistant, 50 clients', per(value('GET assistant, 50 connections, same body'))]
  ])].join('\n\n')
}

/** The page with its tables as the kept results have them. */
export function withScaleTables (page: string, results: KeptScale, performance: Report | undefined): string {
  const put = (text: string, name: string, content: string | undefined): string => {
    const [begin, end] = [`<!-- ${name}: written by build/bench/scale.js -->`, `<!-- end of ${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from === -1 || to < from) throw new Error(`${SCALE_PAGE} has no place for ${name}`)
    return content === undefined ? text : `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`
  }
  let text = put(page, 'limits', performance && limits(performance))
  for (const part of PARTS) text = put(text, part, results[part] && markdown(part, results[part] as ScaleReport<typeof part>))
  return text
}

/** Keeps what was measured, and writes the page anew. */
export function keepScale<P extends Part> (part: P, report: ScaleReport<P>): void {
  const results = { ...keptScale(), [part]: report }
  writeFileSync(SCALE_RESULTS, JSON.stringify(results, null, 1) + '\n')
  writeFileSync(SCALE_PAGE, withScaleTables(readFileSync(SCALE_PAGE, 'utf8'), results, kept().full))
}
