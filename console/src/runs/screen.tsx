import { useState } from 'preact/hooks'
import { count, short, span, when } from '../format.js'
import { hrefTo, route } from '../router.js'
import { Icon } from '../ui/icon.js'
import { Empty, Loadable, NoPage, useLoad } from '../ui/load.js'
import { More, Status } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'
import { RunDetail } from './detail.js'
import { newestFirst, recentRuns, type RecentRuns } from './recent.js'
import { endOf } from './timeline.js'

export function RunsScreen () {
  const [, threadId, runId] = route.value
  if (threadId === undefined) return <RunList />
  return runId === undefined ? <NoPage /> : <RunDetail key={runId} threadId={threadId} runId={runId} />
}

function RunList () {
  const [extra, setExtra] = useState<RecentRuns>()
  const loaded = useLoad(async () => {
    const first = await recentRuns()
    setExtra(undefined)
    return first
  }, [])
  const more = async ({ runs, rest }: RecentRuns): Promise<void> => {
    await attempt(async () => {
      const next = await recentRuns(rest)
      setExtra({ runs: newestFirst([...runs, ...next.runs]), rest: next.rest })
    })
  }
  const shown = extra ?? loaded.data
  return (
    <div class='page'>
      <header class='page-head'>
        <h1>Runs</h1>
        <div class='actions'><button type='button' class='button' onClick={() => { void loaded.reload() }}><Icon name='retry' />Refresh</button></div>
      </header>
      <Loadable from={loaded}>
        {() => shown === undefined || (shown.runs.length === 0 && shown.rest === undefined)
          ? <Empty title='No runs yet'><p>A run is one answer of an assistant. It appears here once you <a href={hrefTo('chat')}>chat</a>.</p></Empty>
          : (
            <>
              <div class='table-wrap' tabIndex={0} role='group' aria-label='Runs'>
                <table class='list'>
                  <thead><tr><th scope='col'>Run</th><th scope='col'>Status</th><th scope='col'>Model</th><th scope='col' class='number'>Tokens</th><th scope='col' class='number'>Duration</th><th scope='col'>Begun</th></tr></thead>
                  <tbody>
                    {shown.runs.map(run => (
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
              {shown.rest !== undefined && <More onClick={async () => await more(shown)} />}
            </>
            )}
      </Loadable>
    </div>
  )
}
