import { useEffect, useState } from 'preact/hooks'
import { client, costsOf, serverInfo, usageOf } from './api.js'
import { bytes, count, dollars } from './format.js'
import { Empty, Loadable, useLoad } from './ui/load.js'
import { Field } from './ui/parts.js'

interface Row { name: string, runs: number, calls: number, input: number, output: number }

const DAY_S = 24 * 60 * 60
const SPANS = [7, 14, 31]
/** The live figures are asked for again after this. */
const LIVE_MS = 5000

/** What was used, as the server has counted it for good. */
export function UsageScreen () {
  const [days, setDays] = useState(SPANS[0]!)
  const loaded = useLoad(async () => await load(days), [days])
  return (
    <div class='page'>
      <h1>Usage</h1>
      <Field label='Span'>
        {id => (
          <select id={id} class='input short' value={days} onChange={event => setDays(Number(event.currentTarget.value))}>
            {SPANS.map(span => <option key={span} value={span}>{span} days</option>)}
          </select>
        )}
      </Field>
      <Loadable from={loaded}>
        {({ byDay, byModel, byProject, byKey, cost, indexed, stored }) => (
          <>
            <ul class='figures'>
              <Figure name='Runs' value={count(total(byDay, 'runs'))} />
              <Figure name='Model calls' value={count(total(byDay, 'calls'))} />
              <Figure name='Tokens in' value={count(total(byDay, 'input'))} />
              <Figure name='Tokens out' value={count(total(byDay, 'output'))} />
              {cost > 0 && <Figure name='Cost' value={dollars(cost)} />}
              <Figure name='Files' value={bytes(stored)} />
              <Figure name='Indexed' value={bytes(indexed)} />
            </ul>
            {byModel.length === 0
              ? <Empty title={`Nothing used in ${days} days`} />
              : (
                <>
                  <UsageTable title='By day' rows={byDay} />
                  <UsageTable title='By model' rows={byModel} />
                  {byProject.length > 1 && <UsageTable title='By project' rows={byProject} />}
                  {byKey.length > 1 && <UsageTable title='By key' rows={byKey} />}
                </>
                )}
          </>
        )}
      </Loadable>
      <Live />
    </div>
  )
}

async function load (days: number) {
  // Days are UTC.
  const start = Math.floor(Date.now() / 1000 / DAY_S) * DAY_S - (days - 1) * DAY_S
  const range = { start_time: start, limit: days }
  const [usage, costs, indexed, stored] = await Promise.all([
    usageOf({ ...range, group_by: ['project_id', 'api_key_id', 'model'] }), costsOf({ ...range, group_by: ['line_item'] }),
    sum(client.value.vectorStores.list({ limit: 100 }), ({ usage_bytes: size }) => size), sum(client.value.files.list({ limit: 10_000 }), ({ bytes: size }) => size)
  ])
  const used = usage.data.flatMap(({ start_time: day, results }) => results.map(result => ({ day, ...result })))
  return {
    byDay: grouped(used, ({ day }) => new Date(day * 1000).toLocaleDateString(undefined, { dateStyle: 'medium', timeZone: 'UTC' })).reverse(),
    byModel: grouped(used, ({ model }) => model ?? '–').sort((a, b) => b.input + b.output - a.input - a.output),
    byProject: grouped(used, ({ project_id: project }) => project ?? '–'),
    byKey: grouped(used, ({ api_key_id: key }) => key ?? 'without a key'),
    cost: costs.data.flatMap(({ results }) => results).reduce((sum, { amount }) => sum + amount.value, 0),
    indexed,
    stored
  }
}

/** Over all pages. */
async function sum<T> (items: AsyncIterable<T>, of: (item: T) => number): Promise<number> {
  let total = 0
  for await (const item of items) total += of(item)
  return total
}

interface Used { num_runs: number, num_model_requests: number, input_tokens: number, output_tokens: number }

function grouped<T extends Used> (used: readonly T[], nameOf: (used: T) => string): Row[] {
  const rows = new Map<string, Row>()
  for (const one of used) {
    const row = rows.get(nameOf(one)) ?? { name: nameOf(one), runs: 0, calls: 0, input: 0, output: 0 }
    rows.set(row.name, {
      name: row.name, runs: row.runs + one.num_runs, calls: row.calls + one.num_model_requests, input: row.input + one.input_tokens, output: row.output + one.output_tokens
    })
  }
  return [...rows.values()]
}

const total = (rows: readonly Row[], of: Exclude<keyof Row, 'name'>): number => rows.reduce((sum, row) => sum + row[of], 0)

function Figure ({ name, value }: { name: string, value: string }) {
  return <li class='figure'><span class='quiet'>{name}</span><strong>{value}</strong></li>
}

/** What this instance does now, for those who may know of all projects. */
function Live () {
  const info = useLoad(async () => await serverInfo(), [])
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) void info.reload() }, LIVE_MS)
    return () => clearInterval(timer)
  }, [info.reload])
  const live = info.data?.live
  if (live === undefined) return null
  return (
    <section aria-label='Now'>
      <h2>Now</h2>
      <ul class='figures'>
        <Figure name='Active runs' value={count(live.active_runs)} />
        <Figure name='Streams' value={count(live.streams)} />
        <Figure name='Stores to index' value={count(live.indexing_stores)} />
        <Figure name='Sandboxes' value={count(live.sandboxes)} />
        <Figure name='Held for readers' value={bytes(live.held_bytes)} />
        <Figure name='Event loop lag' value={`${live.event_loop_lag_ms} ms`} />
      </ul>
    </section>
  )
}

function UsageTable ({ title, rows }: { title: string, rows: readonly Row[] }) {
  const most = Math.max(1, ...rows.map(({ input, output }) => input + output))
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <div class='table-wrap' tabIndex={0} role='group' aria-label={title}>
        <table class='list'>
          <thead>
            <tr>
              <th scope='col'>{title.slice(3).replace(/^./, letter => letter.toUpperCase())}</th><th scope='col' class='number'>Runs</th><th scope='col' class='number'>Model calls</th>
              <th scope='col' class='number'>Tokens in</th><th scope='col' class='number'>Tokens out</th><th scope='col'><span class='hidden'>Share</span></th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, runs, calls, input, output }) => (
              <tr key={name}>
                <td>{name}</td><td class='number'>{count(runs)}</td><td class='number'>{count(calls)}</td><td class='number'>{count(input)}</td><td class='number'>{count(output)}</td>
                <td class='bar-cell'><svg viewBox='0 0 100 6' preserveAspectRatio='none' aria-hidden='true'><rect class='span' width={(input + output) / most * 100} height='6' /></svg></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
