import { MOST_BUCKETS, type CostsPage, type CostsQuery, type CostsResult, type UsagePage, type UsageQuery, type UsageResult } from '../../schemas/usage.js'
import { eachRecord } from '../../storage/each-record.js'
import { DEFAULT_PROJECT, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import { mapInBatches } from '../shared/batches.js'
import { badRequest } from '../shared/errors.js'
import { dayOf, sum, type Amounts, type UsageLedger, type UsageRow } from './ledger.js'
import { costOf, type Prices } from './prices.js'
import { DAY_MS } from './shared-counters.js'

const DAY_S = DAY_MS / 1000
const DEFAULT_LIMIT = 7

export type UsageOfProject = UsageRow & { project: string }

type Range = Pick<UsageQuery, 'start_time' | 'end_time' | 'page' | 'limit' | 'project_ids' | 'api_key_ids'>

/** What was used and what it cost, in the shape of OpenAI's administration API. */
export class UsageReports {
  readonly #records: RecordStore
  readonly #ledger: Pick<UsageLedger, 'day'>
  readonly #clock: Clock
  readonly #prices: Prices

  constructor ({ records, ledger, clock, prices }: { records: RecordStore, ledger: Pick<UsageLedger, 'day'>, clock: Clock, prices: Prices }) {
    this.#records = records
    this.#ledger = ledger
    this.#clock = clock
    this.#prices = prices
  }

  /** @param project the only one that the caller may see; undefined: all. */
  async completions (query: UsageQuery, project: string | undefined): Promise<UsagePage> {
    const { models, group_by: by = [] } = query
    return await this.#page(query, project, rows => {
      const counted = rows.filter(({ kind, model }) => kind === 'completions' && (models === undefined || models.includes(model)))
      return grouped(counted, by).map(({ of, total }): UsageResult => ({
        object: 'organization.usage.completions.result',
        input_tokens: total.inputTokens,
        output_tokens: total.outputTokens,
        input_cached_tokens: total.cachedTokens,
        input_audio_tokens: 0,
        output_audio_tokens: 0,
        num_model_requests: total.requests,
        num_runs: total.runs,
        project_id: by.includes('project_id') ? of.project : null,
        user_id: null,
        api_key_id: by.includes('api_key_id') ? of.key : null,
        model: by.includes('model') ? of.model : null,
        batch: null
      }))
    })
  }

  /** What models without a price have cost is not known, and not in it. */
  async costs (query: CostsQuery, project: string | undefined): Promise<CostsPage> {
    const by = query.group_by ?? []
    return await this.#page(query, project, rows => {
      const priced = rows.flatMap(row => {
        const cost = costOf(this.#prices, row.model, row)
        return cost === undefined ? [] : [{ row, cost }]
      })
      const names = by.map(name => name === 'line_item' ? 'model' as const : name)
      return groups(priced, ({ row }) => groupName(row, names)).map((group): CostsResult => ({
        object: 'organization.costs.result',
        amount: { value: group.reduce((total, { cost }) => total + cost, 0), currency: 'usd' },
        line_item: by.includes('line_item') ? group[0].row.model : null,
        project_id: by.includes('project_id') ? group[0].row.project : null,
        api_key_id: by.includes('api_key_id') ? group[0].row.key : null
      }))
    })
  }

  /** The rows of one day, of one project or all. */
  async day (day: string, projects: readonly string[]): Promise<UsageOfProject[]> {
    const found = await mapInBatches(projects, async project => (await this.#ledger.day(project, day)).map(row => ({ ...row, project })))
    return found.flat()
  }

  /** All projects that there are. */
  async projects (): Promise<string[]> {
    const names = new Set([DEFAULT_PROJECT])
    for await (const { id } of eachRecord(this.#records, { project: SYSTEM_PROJECT, partition: PARTITION.projects, kind: KIND.project })) names.add(id)
    return [...names]
  }

  async #page<Result> (query: Range, project: string | undefined, resultsOf: (rows: UsageOfProject[]) => Result[]): Promise<{ object: 'page', data: { object: 'bucket', start_time: number, end_time: number, results: Result[] }[], has_more: boolean, next_page: string | null }> {
    const { start_time: from, end_time: to = Math.floor(this.#clock.now() / 1000) + 1, limit = DEFAULT_LIMIT, page, project_ids: projectIds, api_key_ids: keys } = query
    if (to <= from) throw badRequest('\'end_time\' must be after \'start_time\'.', { param: 'end_time', code: 'invalid_value' })
    const start = page === undefined ? from - from % DAY_S : Number(page.slice('page_'.length))
    if (start % DAY_S !== 0 || start < from - from % DAY_S) throw badRequest('\'page\' is not of this list.', { param: 'page', code: 'invalid_value' })
    const seen = project === undefined ? await this.projects() : [project]
    const projects = projectIds === undefined ? seen : seen.filter(name => projectIds.includes(name))
    const data = []
    let at = start
    for (; at < to && data.length < Math.min(limit, MOST_BUCKETS); at += DAY_S) {
      const rows = (await this.day(dayOf(at * 1000), projects)).filter(({ key }) => keys === undefined || (key !== null && keys.includes(key)))
      data.push({ object: 'bucket' as const, start_time: at, end_time: at + DAY_S, results: resultsOf(rows) })
    }
    return { object: 'page', data, has_more: at < to, next_page: at < to ? `page_${at}` : null }
  }
}

type Grouping = 'project_id' | 'api_key_id' | 'model'

const groupName = ({ project, key, model }: UsageOfProject, by: readonly Grouping[]): string =>
  [by.includes('project_id') ? project : '', by.includes('api_key_id') ? key ?? '' : '', by.includes('model') ? model : ''].join('\n')

/** In the order in which they come. */
function groups<T> (items: readonly T[], nameOf: (item: T) => string): [T, ...T[]][] {
  const all = new Map<string, [T, ...T[]]>()
  for (const item of items) {
    const group = all.get(nameOf(item))
    if (group === undefined) all.set(nameOf(item), [item])
    else group.push(item)
  }
  return [...all.values()]
}

function grouped (rows: readonly UsageOfProject[], by: readonly Grouping[]): { of: UsageOfProject, total: Amounts }[] {
  return groups(rows, row => groupName(row, by)).map(group => ({ of: group[0], total: group.slice(1).reduce<Amounts>((total, row) => sum(total, row), sum(group[0], {})) }))
}
