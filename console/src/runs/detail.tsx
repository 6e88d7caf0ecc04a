import { useEffect, useState } from 'preact/hooks'
import type { Stream } from 'openai/streaming'
import { client, explain, stepsOf, type Run, type StreamEvent } from '../api.js'
import { Drawing } from '../chat/drawing.js'
import { count, pretty, span, when } from '../format.js'
import { go, hrefTo } from '../router.js'
import { Icon } from '../ui/icon.js'
import { Loadable, Problem, useLoad } from '../ui/load.js'
import { Code, Facts, Id, More, Status } from '../ui/parts.js'
import { Tabs } from '../ui/tabs.js'
import { attempt } from '../ui/toast.js'
import { bodyOf, codeOf, type Language } from './code.js'
import { endOf, Timeline } from './timeline.js'

/** More at once make a page that is slow to read in. */
const EVENTS = 2000
/** How often a run that goes on is looked at. */
const LOOK_MS = 2000
const ENDED: readonly string[] = ['completed', 'failed', 'cancelled', 'expired', 'incomplete']

export function RunDetail ({ threadId, runId }: { threadId: string, runId: string }) {
  const loaded = useLoad(async () => {
    const { runs } = client.value.beta.threads
    const [run, steps] = await Promise.all([runs.retrieve(runId, { thread_id: threadId }), stepsOf(threadId, runId)])
    return { run, steps }
  }, [threadId, runId])
  const isActive = loaded.data !== undefined && !ENDED.includes(loaded.data.run.status) && loaded.data.run.status !== 'requires_action'
  useEffect(() => {
    if (!isActive) return
    const timer = setInterval(() => { if (!document.hidden) void loaded.reload() }, LOOK_MS)
    return () => clearInterval(timer)
  }, [isActive])
  return (
    <div class='page'>
      <p class='crumbs'><a href={hrefTo('runs')}>Runs</a></p>
      <Loadable from={loaded}>
        {({ run, steps }) => (
          <>
            <header class='page-head'>
              <h1>Run <Status of={run.status} /></h1>
              <div class='actions'>
                {!ENDED.includes(run.status) && <button type='button' class='button' onClick={() => { void attempt(async () => { await client.value.beta.threads.runs.cancel(run.id, { thread_id: threadId }); await loaded.reload() }) }}><Icon name='stop' />Cancel</button>}
                <button type='button' class='button' onClick={() => { void loaded.reload() }}><Icon name='retry' />Refresh</button>
                {ENDED.includes(run.status) && <button type='button' class='button primary' onClick={() => { void again(run) }}>Run again</button>}
              </div>
            </header>
            {run.status === 'requires_action' && <p class='notice'>It waits for the outputs of functions: <a href={hrefTo('chat', threadId)}>answer in the chat</a>.</p>}
            {run.last_error !== null && <Problem text={`${run.last_error.message} (${run.last_error.code})`} />}
            {run.incomplete_details !== null && <Problem text={`The answer is incomplete: ${(run.incomplete_details.reason ?? 'unknown').replaceAll('_', ' ')}.`} />}
            <Facts rows={[
              ['Run', <Id of={run.id} />],
              ['Thread', <a href={hrefTo('chat', threadId)}><Id of={threadId} /></a>],
              ['Model', run.model],
              ['Begun', when(run.created_at)],
              ['Duration', endOf(run) === null ? 'unfinished' : span(endOf(run)! - run.created_at)],
              ['Tokens', run.usage === null ? '–' : `${count(run.usage.prompt_tokens)} in · ${count(run.usage.completion_tokens)} out`]
            ]}
            />
            <Tabs
              label='Views of the run' items={[
                { value: 'timeline', label: 'Timeline', content: () => <Timeline run={run} steps={steps} /> },
                { value: 'events', label: 'Events', content: () => <Events run={run} /> },
                { value: 'json', label: 'JSON', content: () => <Code text={pretty({ run, steps })} label='run and steps' /> },
                { value: 'code', label: 'Copy as code', content: () => <AsCode run={run} /> }
              ]}
            />
          </>
        )}
      </Loadable>
    </div>
  )
}

async function again (run: Run): Promise<void> {
  await attempt(async () => {
    const started = await client.value.beta.threads.runs.create(run.thread_id, bodyOf(run))
    go('runs', run.thread_id, started.id)
  })
}

/** The events of the run as they were sent, or as they follow from what is stored; of one under way those so far. */
function Events ({ run }: { run: Run }) {
  const [all, setAll] = useState<StreamEvent[]>([])
  const [most, setMost] = useState(EVENTS)
  const [state, setState] = useState<{ error?: string, isOpen: boolean, hasMore: boolean }>({ isOpen: true, hasMore: false })
  useEffect(() => {
    const left = new AbortController()
    let isFirst = true
    // A stream cannot be stopped for long and gone on with: more are read from the beginning, in place of those that are shown.
    const drawing = new Drawing<StreamEvent>(events => {
      const isAnew = isFirst
      isFirst = false
      setAll(old => isAnew ? events : [...old, ...events])
    })
    const read = async (): Promise<boolean> => {
      const stream = await client.value.get(`/threads/${run.thread_id}/runs/${run.id}/stream`, { stream: true, signal: left.signal }) as Stream<StreamEvent>
      let count = 0
      let hasMore = false
      for await (const event of stream) {
        hasMore = ++count > most
        if (hasMore) break
        drawing.add(event)
      }
      drawing.finish()
      return hasMore
    }
    read().then(hasMore => setState({ isOpen: false, hasMore }), (error: unknown) => { if (!left.signal.aborted) setState({ error: explain(error), isOpen: false, hasMore: false }) })
    return () => left.abort()
  }, [run.id, most])
  return (
    <>
      {state.error !== undefined && <Problem text={state.error} />}
      <p class='quiet' role='status'>{all.length === 1 ? '1 event' : `${count(all.length)} events`}{state.isOpen ? ', and more as they come' : state.hasMore ? ', the first of them' : ''}</p>
      {all.length > 0 && <Code text={all.map(({ event, data }) => `${event}\n${JSON.stringify(data)}`).join('\n\n')} label='events' />}
      {state.hasMore && <More onClick={async () => { setState({ isOpen: true, hasMore: false }); setMost(most + EVENTS) }} />}
    </>
  )
}

const LANGUAGES: readonly (readonly [Language, string])[] = [['typescript', 'TypeScript'], ['python', 'Python'], ['curl', 'curl']]

function AsCode ({ run }: { run: Run }) {
  const [language, setLanguage] = useState<Language>('typescript')
  return (
    <>
      <div class='segmented' role='group' aria-label='Language'>
        {LANGUAGES.map(([value, name]) => <button key={value} type='button' class='segment' aria-pressed={value === language} onClick={() => setLanguage(value)}>{name}</button>)}
      </div>
      <Code text={codeOf(run, language, client.value.baseURL)} label={`code in ${language}`} />
    </>
  )
}
