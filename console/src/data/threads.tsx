import { useState } from 'preact/hooks'
import { client, listThreads, stepsOf, type Thread, type ThreadQuery } from '../api.js'
import { titleOf } from '../chat/threads.js'
import { pretty, when } from '../format.js'
import { hrefTo } from '../router.js'
import { Id, save } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'
import { Collection } from './collection.js'

/** Everything of a thread in one JSON file. */
async function exportThread (thread: Thread): Promise<void> {
  const { messages, runs } = client.value.beta.threads
  const all = async <T,>(pages: AsyncIterable<T>): Promise<T[]> => await Array.fromAsync(pages)
  const [allMessages, allRuns] = await Promise.all([
    all(messages.list(thread.id, { limit: 100, order: 'asc' })),
    all(runs.list(thread.id, { limit: 100, order: 'asc' }))
  ])
  const steps = []
  for (const { id } of allRuns) steps.push(...await stepsOf(thread.id, id))
  save(`${thread.id}.json`, pretty({ thread, messages: allMessages, runs: allRuns, steps }), 'application/json')
}

/** The beginning of a day here, or of one some days later: not every day has 24 hours. */
function seconds (date: string, later = 0): number {
  const day = new Date(`${date}T00:00`)
  day.setDate(day.getDate() + later)
  return Math.floor(day.getTime() / 1000)
}

export function Threads () {
  const [filter, setFilter] = useState({ metadata: '', from: '', until: '' })
  const change = (name: keyof typeof filter) => (event: { currentTarget: HTMLInputElement }) => setFilter({ ...filter, [name]: event.currentTarget.value })
  const query = (): ThreadQuery => {
    const at = filter.metadata.indexOf('=')
    return {
      ...at > 0 ? { metadata: { [filter.metadata.slice(0, at).trim()]: filter.metadata.slice(at + 1).trim() } } : {},
      ...filter.from === '' ? {} : { created_after: seconds(filter.from) },
      ...filter.until === '' ? {} : { created_before: seconds(filter.until, 1) }
    }
  }
  return (
    <Collection<Thread>
      noun='thread'
      deps={[filter]}
      list={async after => {
        const page = await listThreads({ limit: 50, ...query(), ...after === undefined ? {} : { after } })
        return { data: page.data, after: page.has_more ? page.last_id ?? undefined : undefined }
      }}
      find={async id => await client.value.beta.threads.retrieve(id)}
      remove={async ({ id }) => await client.value.beta.threads.delete(id)}
      loss='Its messages and runs are lost with it.'
      href={({ id }) => hrefTo('data', 'threads', id)}
      filter={(
        <>
          <input class='input' aria-label='Metadata, as key=value' placeholder='key=value' value={filter.metadata} onChange={change('metadata')} />
          <label class='inline'>From<input class='input' type='date' value={filter.from} onChange={change('from')} /></label>
          <label class='inline'>To<input class='input' type='date' value={filter.until} onChange={change('until')} /></label>
        </>
      )}
      actions={thread => [{ value: 'export', label: 'Export as JSON', icon: 'down', act: () => { void attempt(async () => await exportThread(thread)) } }]}
      columns={[
        { name: 'Thread', cell: thread => titleOf(thread) },
        { name: 'Id', cell: ({ id }) => <Id of={id} /> },
        { name: 'Metadata', cell: ({ metadata }) => Object.entries(metadata as Record<string, string> ?? {}).filter(([name]) => name !== 'title').map(([name, value]) => <span key={name} class='pair-chip'>{name}={value}</span>) },
        { name: 'Made', cell: ({ created_at: at }) => when(at) }
      ]}
    />
  )
}
