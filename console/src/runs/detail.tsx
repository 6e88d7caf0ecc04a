import { useState } from 'preact/hooks'
import type { Stream } from 'openai/streaming'
import { client, type Run, type StreamEvent } from '../api.js'
import { count, pretty, span, when } from '../format.js'
import { go, hrefTo } from '../router.js'
import { Icon } from '../ui/icon.js'
import { Loadable, Problem, useLoad } from '../ui/load.js'
import { Code, Facts, Id, Status } from '../ui/parts.js'
import { Tabs } from '../ui/tabs.js'
import { attempt } from '../ui/toast.js'
import { codeOf, type Language } from './code.js'
import { endOf, Timeline } from './timeline.js'

const ENDED: readonly string[] = ['completed', 'failed', 'cancelled', 'expired', 'incomplete']

export function RunDetail ({ threadId, runId }: { threadId: string, runId: string }) {
  const loaded = useLoad(async () => {
    const { runs } = client.value.beta.threads
    const [run, steps] = await Promise.all([
      runs.retrieve(runId, { thread_id: threadId }),
      runs.steps.list(runId, { thread_id: threadId, limit: 100, order: 'asc', include: ['step_details.tool_calls[*].file_search.results[*].content'] })
    ])
    return { run, steps: steps.data }
  }, [threadId, runId])
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
    const started = await client.value.beta.threads.runs.create(run.thread_id, { assistant_id: run.assistant_id, model: run.model })
    go('runs', run.thread_id, started.id)
  })
}

/** The events of the run as they were sent, or as they follow from what is stored; of one under way those so far. */
function Events ({ run }: { run: Run }) {
  const events = useLoad(async () => {
    const stream = await client.value.get<Stream<StreamEvent>>(`/threads/${run.thread_id}/runs/${run.id}/stream`, { stream: true })
    const all: StreamEvent[] = []
    for await (const event of stream as AsyncIterable<StreamEvent>) {
      all.push(event)
      if (all.length === 2000) break
    }
    return all
  }, [run.id])
  return <Loadable from={events}>{all => <Code text={all.map(({ event, data }) => `${event}\n${JSON.stringify(data)}`).join('\n\n')} label='events' />}</Loadable>
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
