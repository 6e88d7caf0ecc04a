import { resolveOptions } from '../options/options.js'
import { silentLogger } from '../shared/log.js'
import { dayOf, UsageLedger } from '../usage/ledger.js'
import { costOf } from '../usage/prices.js'
import { UsageReports } from '../usage/reports.js'
import { DAY_MS } from '../usage/shared-counters.js'
import { readConfigFile } from './config-file.js'
import { configure } from './configure.js'
import { OperatorError } from './errors.js'
import { requireFile } from './require-file.js'
import type { UsageCommand } from './usage-arguments.js'

const COLUMNS = ['day', 'project', 'key', 'model', 'kind', 'requests', 'runs', 'input_tokens', 'cached_tokens', 'output_tokens', 'cost_usd']

/** `usage`: prints what was used as CSV. */
export async function runUsage ({ values, from, to, project }: UsageCommand, out: NodeJS.WritableStream): Promise<void> {
  const { config: { storage, prices } } = configure(values, await readConfigFile(values.config, process.cwd()))
  requireFile(storage)
  const options = resolveOptions({ codeInterpreter: 'off', ...storage === undefined ? {} : { storage }, ...prices === undefined ? {} : { prices } })
  const { records } = options.storage
  if (!records.supports.persistent) throw new OperatorError('There is no usage to read with memory: as the storage.')
  await records.connect()
  try {
    const ledger = new UsageLedger({ records, clock: options.clock, log: silentLogger })
    const reports = new UsageReports({ records, ledger, clock: options.clock, prices: options.prices })
    const projects = project === undefined ? await reports.projects() : [project]
    out.write(line(COLUMNS))
    for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) {
      const day = dayOf(at)
      for (const row of await reports.day(day, projects)) {
        const { project: name, key, model, kind, requests, runs, inputTokens, cachedTokens, outputTokens } = row
        out.write(line([day, name, key ?? '', model, kind, requests, runs, inputTokens, cachedTokens, outputTokens, costOf(options.prices, model, row) ?? '']))
      }
    }
  } finally {
    await records.disconnect()
  }
}

const line = (cells: readonly (string | number)[]): string => `${cells.map(cell).join(',')}\n`

/** RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe: names of models come from clients. */
function cell (value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
