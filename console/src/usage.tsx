import { client, type Run } from './api.js'
import { count, bytes } from './format.js'
import { recentRuns } from './runs/recent.js'
import { Empty, Loadable, useLoad } from './ui/load.js'

interface Row { name: string, runs: number, input: number, output: number }

/** What was used, as far as the runs themselves tell it. */
export function UsageScreen () {
  const loaded = useLoad(async () => {
    const [recent, stores] = await Promise.all([recentRuns(), client.value.vectorStores.list({ limit: 100 })])
    return { ...recent, stores: stores.data }
  }, [])
  return (
    <div class='page'>
      <h1>Usage</h1>
      <Loadable from={loaded}>
        {({ runs, threads, hasMore, stores }) => (
          <>
            <ul class='figures'>
              <Figure name='Runs' value={count(runs.length)} />
              <Figure name='Tokens in' value={count(runs.reduce((sum, run) => sum + (run.usage?.prompt_tokens ?? 0), 0))} />
              <Figure name='Tokens out' value={count(runs.reduce((sum, run) => sum + (run.usage?.completion_tokens ?? 0), 0))} />
              <Figure name='Indexed' value={bytes(stores.reduce((sum, store) => sum + store.usage_bytes, 0))} />
            </ul>
            <p class='quiet'>{hasMore ? `Counted over the ${threads} newest threads.` : 'Counted over all threads.'} A deleted thread takes its runs along.</p>
            {runs.length === 0
              ? <Empty title='Nothing used yet' />
              : (
                <>
                  <UsageTable title='By day' rows={grouped(runs, run => new Date(run.created_at * 1000).toLocaleDateString(undefined, { dateStyle: 'medium' }))} />
                  <UsageTable title='By model' rows={grouped(runs, run => run.model)} />
                </>
                )}
          </>
        )}
      </Loadable>
    </div>
  )
}

function Figure ({ name, value }: { name: string, value: string }) {
  return <li class='figure'><span class='quiet'>{name}</span><strong>{value}</strong></li>
}

function UsageTable ({ title, rows }: { title: string, rows: readonly Row[] }) {
  const most = Math.max(1, ...rows.map(({ input, output }) => input + output))
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <div class='table-wrap' tabIndex={0} role='group' aria-label={title}>
        <table class='list'>
          <thead><tr><th scope='col'>{title.slice(3).replace(/^./, letter => letter.toUpperCase())}</th><th scope='col' class='number'>Runs</th><th scope='col' class='number'>Tokens in</th><th scope='col' class='number'>Tokens out</th><th scope='col'><span class='hidden'>Share</span></th></tr></thead>
          <tbody>
            {rows.map(({ name, runs, input, output }) => (
              <tr key={name}>
                <td>{name}</td><td class='number'>{count(runs)}</td><td class='number'>{count(input)}</td><td class='number'>{count(output)}</td>
                <td class='bar-cell'><svg viewBox='0 0 100 6' preserveAspectRatio='none' aria-hidden='true'><rect class='span' width={(input + output) / most * 100} height='6' /></svg></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function grouped (runs: readonly Run[], nameOf: (run: Run) => string): Row[] {
  const rows = new Map<string, Row>()
  for (const run of runs) {
    const name = nameOf(run)
    const row = rows.get(name) ?? { name, runs: 0, input: 0, output: 0 }
    rows.set(name, { name, runs: row.runs + 1, input: row.input + (run.usage?.prompt_tokens ?? 0), output: row.output + (run.usage?.completion_tokens ?? 0) })
  }
  return [...rows.values()]
}
