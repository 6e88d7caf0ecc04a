import type { PlainObject } from '../wire-objects.js'
import { NotHad, type Remote } from './remote.js'

/** Something of a thread: objects, or what of it could not be had. */
export type ThreadPart = { objects: PlainObject[] } | { missing: string }

/** A thread, its messages, its runs and their steps, a page at a time. */
export async function * threadParts (remote: Remote, id: string): AsyncGenerator<ThreadPart> {
  const path = `/threads/${encodeURIComponent(id)}`
  try {
    yield { objects: [await remote.object(path)] }
  } catch (error) {
    if (!(error instanceof NotHad)) throw error
    yield { missing: `${id}: ${error.message}` }
    return
  }
  yield * orMissing(remote.pages(`${path}/messages`), `messages of ${id}`)
  for await (const part of orMissing(remote.pages(`${path}/runs`), `runs of ${id}`)) {
    yield part
    if ('missing' in part) continue
    for (const { id: runId } of part.objects) {
      if (typeof runId === 'string') yield * orMissing(remote.pages(`${path}/runs/${encodeURIComponent(runId)}/steps`), `steps of ${runId}`)
    }
  }
}

async function * orMissing (pages: AsyncGenerator<PlainObject[]>, what: string): AsyncGenerator<ThreadPart> {
  try {
    for await (const objects of pages) yield { objects }
  } catch (error) {
    if (!(error instanceof NotHad)) throw error
    yield { missing: `${what}: ${error.message}` }
  }
}
