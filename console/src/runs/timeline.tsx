import type { Run, Step } from '../api.js'
import { Calls } from '../chat/activity.js'
import { count, span, when } from '../format.js'
import { hrefTo } from '../router.js'
import { Status } from '../ui/parts.js'

interface Row { key: string, name: string, from: number, to: number, status: string, tokens: number | undefined, step: Step | undefined }

export const endOf = (run: Run): number | null => run.completed_at ?? run.cancelled_at ?? run.failed_at ?? (run.status === 'expired' ? run.expires_at : null)

/** Queue, model turns and tools one below the other, each as long as it took. Times are whole seconds, as the API has them. */
export function Timeline ({ run, steps }: { run: Run, steps: readonly Step[] }) {
  const now = Math.floor(Date.now() / 1000)
  const end = endOf(run) ?? Math.max(now, run.created_at)
  const rows: Row[] = [
    { key: 'queue', name: 'Queue', from: run.created_at, to: run.started_at ?? end, status: run.started_at === null ? run.status : 'completed', tokens: undefined, step: undefined },
    ...steps.map(step => ({
      key: step.id,
      name: nameOf(step),
      from: step.created_at,
      to: step.completed_at ?? step.cancelled_at ?? step.failed_at ?? step.expired_at ?? end,
      status: step.status,
      tokens: step.usage?.total_tokens,
      step
    }))
  ]
  const length = Math.max(1, end - run.created_at)
  return (
    <ol class='timeline' aria-label='Timeline'>
      {rows.map(row => (
        <li key={row.key}>
          <div class='timeline-head'>
            <strong>{row.name}</strong>
            <Status of={row.status} />
            <span class='quiet'>{span(Math.max(0, row.to - row.from))}{row.tokens === undefined ? '' : ` · ${count(row.tokens)} tokens`}</span>
          </div>
          <svg class={`timeline-bar ${row.status}`} viewBox='0 0 1000 6' preserveAspectRatio='none' aria-hidden='true'>
            <rect class='track' width='1000' height='6' rx='3' />
            <rect class='span' x={Math.min(992, (row.from - run.created_at) / length * 1000)} width={Math.max(8, (row.to - row.from) / length * 1000)} height='6' rx='3' />
          </svg>
          {row.step?.last_error != null && <p class='problem'>{row.step.last_error.message}</p>}
          {row.step !== undefined && <Details step={row.step} />}
        </li>
      ))}
    </ol>
  )
}

function nameOf ({ step_details: details }: Step): string {
  if (details.type === 'message_creation') return 'Message'
  const names = details.tool_calls.map(call => call.type === 'function' ? call.function.name : call.type === 'file_search' ? 'File search' : 'Code')
  return names.length === 0 ? 'Tools' : names.join(', ')
}

function Details ({ step }: { step: Step }) {
  if (step.step_details.type === 'tool_calls') return <Calls calls={step.step_details.tool_calls} />
  if (step.completed_at === null) return <p class='quiet'>{step.status === 'in_progress' ? 'Being written' : 'Begun'} <a href={hrefTo('chat', step.thread_id)}>in the thread</a>.</p>
  return <p class='quiet'>Written <a href={hrefTo('chat', step.thread_id)}>in the thread</a> at {when(step.completed_at)}.</p>
}
