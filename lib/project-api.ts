import type { Runs } from './dialects/assistants/runs.js'
import type { Files } from './files/files.js'
import type { Uploads } from './files/uploads.js'
import type { Assistants } from './threads/assistants.js'
import type { Messages } from './threads/messages.js'
import type { Threads } from './threads/threads.js'
import type { VectorStoreApi } from './vector-stores/api.js'

/** Everything that the API does, for one project. */
export interface ProjectApi {
  readonly project: string
  readonly assistants: Assistants
  readonly threads: Threads
  readonly messages: Messages
  readonly runs: Runs
  readonly files: Files
  readonly uploads: Uploads
  readonly vectorStores: VectorStoreApi
}
