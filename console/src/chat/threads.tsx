import { effect, signal } from '@preact/signals'
import { explain, key, listThreads, type Thread } from '../api.js'
import { nameOr, when } from '../format.js'
import { hrefTo } from '../router.js'
import { More } from '../ui/parts.js'
import { Problem } from '../ui/load.js'

export const threads = signal<Thread[]>([])
const last = signal<string | undefined>(undefined)
const error = signal<string | undefined>(undefined)

// They are those of one key.
effect(() => {
  void key.value
  threads.value = []
  last.value = undefined
})

export async function loadThreads (more = false): Promise<void> {
  try {
    const page = await listThreads({ limit: 30, ...more && last.value !== undefined ? { after: last.value } : {} })
    threads.value = more ? [...threads.value, ...page.data] : page.data
    last.value = page.has_more ? page.last_id ?? undefined : undefined
    error.value = undefined
  } catch (problem) {
    error.value = explain(problem)
  }
}

/** What the console calls a thread: the beginning of its first message, kept in the metadata. */
export const titleOf = ({ metadata, id }: Thread): string => nameOr((metadata as Record<string, string> | null)?.title, id)

export function ThreadList ({ current }: { current: string | undefined }) {
  return (
    <nav class='thread-list' aria-label='Threads'>
      {error.value !== undefined && <Problem text={error.value} />}
      <ul>
        {threads.value.map(thread => (
          <li key={thread.id}>
            <a href={hrefTo('chat', thread.id)} class='thread-link' aria-current={thread.id === current ? 'page' : undefined}>
              <span class='thread-title' dir='auto'>{titleOf(thread)}</span><span class='quiet'>{when(thread.created_at)}</span>
            </a>
          </li>
        ))}
      </ul>
      {last.value !== undefined && <More onClick={async () => await loadThreads(true)} />}
    </nav>
  )
}
