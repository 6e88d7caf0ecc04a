import type { Message } from '../../schemas/messages.js'
import type { Thread } from '../../schemas/threads.js'
import { KIND } from '../../storage/layout.js'
import type { StoredRecord, WriteItem } from '../../storage/record-store.js'

/** The thread with what its new messages bring for the code interpreter (API reference, "Create message", attachments). */
export function withAttachments (thread: Thread, messages: readonly Pick<Message, 'attachments'>[]): Thread {
  const known = thread.tool_resources?.code_interpreter?.file_ids ?? []
  const attached = messages.flatMap(message => message.attachments ?? [])
    .filter(({ tools }) => tools.some(tool => tool.type === 'code_interpreter'))
    .map(attachment => attachment.file_id)
  const ids = [...new Set([...known, ...attached])]
  if (ids.length === known.length) return thread
  return { ...thread, tool_resources: { ...thread.tool_resources, code_interpreter: { file_ids: ids } } }
}

/**
 * The item for a batch that must fail when the thread has changed: a new version of the thread, or the mere check.
 *
 * @param resources the thread's, with what the messages bring for file_search.
 */
export function attachTo (thread: StoredRecord<Thread>, messages: readonly Pick<Message, 'attachments'>[], resources = thread.body.tool_resources): WriteItem {
  const { id, version, body } = thread
  const next = withAttachments(resources === body.tool_resources ? body : { ...body, tool_resources: resources }, messages)
  return next === body
    ? { op: 'check', kind: KIND.thread, id, expect: version }
    : { op: 'put', kind: KIND.thread, id, body: next, expect: version }
}
