import type { Assistant } from '../../schemas/assistants.js'
import type { Thread } from '../../schemas/threads.js'
import type { StoredAssistant } from './thread-storage.js'

/** An assistant that was saved through the documented methods, with every key that the API's object has. */
export function wireAssistant (id: string, stored: StoredAssistant): Assistant {
  return {
    object: 'assistant',
    description: null,
    top_p: 1,
    reasoning_effort: null,
    tool_resources: {},
    response_format: 'auto',
    ...stored,
    temperature: stored.temperature ?? 1,
    id
  }
}

/** The same for a thread, which older programs may have saved with less. */
export function wireThread (id: string, stored: Partial<Thread>): Thread {
  return { object: 'thread', created_at: 0, metadata: {}, tool_resources: {}, ...stored, id }
}
