import { count, short, span, when } from '../format.js'
import { hrefTo, route } from '../router.js'
import { Icon } from '../ui/icon.js'
import { Empty, Loadable, NoPage, useLoad } from '../ui/load.js'
import { Status } from '../ui/parts.js'
import { RunDetail } from './detail.js'
import { recentRuns } from './recent.js'
import { endOf } from './timeline.js'

export function RunsScreen () {
  const [, threadId, runId] = route.value
  if (threadId === undefined) return <RunList />
  return runId === undefined ? <NoPage /> : <RunDetail key={runId} threadId={threadId} runId={runId} />
}

function RunList () {
  const loaded = useLoad(recentRuns, [])
  return (
    <div class='page'>
      <header class='page-head'>
        <h1>Runs</h1>
        <div class='actions'><button type='button' class='button' onClick={() => { void loaded.reload() }}><Icon name='retry' />Refresh</button></div>
      </header>
      <Loadable from={loaded}>
        {({ runs, hasMore }) => runs.length === 0
          ? <Empty title='No runs yet'><p>A run is one answer of an assistant. It appears here once you <a href={hrefTo('chat')}>chat</a>.</p></Empty>
          : (
            <>
              <div class='table-wrap' tabIndex={0} role='group' aria-label='Runs'>
                <table class='list'>
                  <thead><tr><th scope='col'>Run</th><th scope='col'>Status</th><th scope='col'>Model</th><th scope='col' class='number'>Tokens</th><th scope='col' class='number'>Duration</th><th scope='col'>Begun</th></tr></thead>
                  <tbody>
                    {runs.map(run => (
                      <tr key={run.id}>
                        <td><a href={hrefTo('runs', run.thread_id, run.id)}><code>{short(run.id)}</code></a></td>
                        <td><Status of={run.status} /></td>
                        <td>{run.model}</td>
                        <td class='number'>{count(run.usage?.total_tokens)}</td>
                        <td class='number'>{endOf(run) === null ? '–' : span(endOf(run)! - run.created_at)}</td>
                        <td>{when(run.created_at)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {hasMore && <p class='quiet'>Of the 50 newest threads.</p>}
            </>
            )}
      </Loadable>
    </div>
  )
}
