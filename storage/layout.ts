/**
 * Where each object lives. Everything that reads or writes records directly (the domain, the twelve documented methods,
 * export and import) takes the names from here.
 */

/** Holds what belongs to no tenant. Keys of real projects are never empty. */
export const SYSTEM_PROJECT = ''

/** The project of a server with no keys, or with keys that name none. */
export const DEFAULT_PROJECT = 'default'

export const PARTITION = {
  /** All assistants of a project. */
  assistants: 'assistants',
  /**
   * The index of a project's threads: kind `thread`, an empty body. An entry is written before its thread and removed
   * after it, so an entry may point at nothing but no thread is without one. The thread itself lives in the
   * partition that bears its id.
   */
  threads: 'threads',
  /** All files and uploads of a project, and what is to be done about them. */
  files: 'files',
  /** In the system project: the index of projects that have files, kept by the rule of `threads`. */
  fileProjects: 'file-projects',
  /**
   * In the system project, followed by a part (`activeRunsOf`): the index of runs that have not ended, kind `active_run`, kept by
   * the same rule. Recovery and expiry walk it. Without a part: what versions wrote that had no parts, in particular 0.1.0.
   */
  activeRuns: 'active-runs',
  /** The index of a project's vector stores, kept by the rule of `threads`. A store lives in the partition that bears its id. */
  vectorStores: 'vector-stores',
  /** Which vector stores use a file, kind `file_use` with the file as parent, kept by the same rule. */
  fileUses: 'file-uses',
  /** In the system project: the index of vector stores in which there is something to do, kind `active_vector_store`, kept by the same rule. */
  activeVectorStores: 'active-vector-stores',
  /** In the system project: the projects that there are, kind `project`, entered before anything of theirs is written. */
  projects: 'projects',
  /** How far pulls from other servers have come (`lib/transfer/pull`). */
  pulls: 'pulls',
  /** Followed by a day: what was answered to requests with an `Idempotency-Key` (`lib/shared/idempotent-answers.ts`). */
  idempotentAnswers: 'idempotent-answers',
  /** What a project has used: in the current minute and day, and on each day (`lib/usage`). */
  usage: 'usage',
  /** In the system project: what is written to find out whether the store takes writes. */
  readiness: 'readiness'
} as const

/** Parts of the index of active runs: each lies on a shard of its own, and the writes of all runs do not meet in one place. */
const ACTIVE_RUN_PARTS = 16

/** The partitions of the index of active runs, that of older versions first. */
export const ACTIVE_RUNS: readonly string[] = [PARTITION.activeRuns, ...Array.from({ length: ACTIVE_RUN_PARTS }, (_, part) => `${PARTITION.activeRuns} ${part}`)]

/** Where a run's entry is in the index of active runs: by a hash of its id (FNV-1a), the same in all instances and versions. */
export function activeRunsOf (runId: string): { project: string, partition: string } {
  let hash = 0x811c9dc5
  for (let i = 0; i < runId.length; i++) hash = Math.imul(hash ^ runId.charCodeAt(i), 0x01000193)
  // The low bits of the hash come from the low bits of the characters alone.
  return { project: SYSTEM_PROJECT, partition: ACTIVE_RUNS[1 + ((hash ^ hash >>> 16) >>> 0) % ACTIVE_RUN_PARTS]! }
}

export const KIND = {
  assistant: 'assistant',
  thread: 'thread',
  /** In its thread's partition. */
  message: 'message',
  /** In its thread's partition, with a run as parent and the id of one of its messages: an index, with an empty body. */
  runMessage: 'run_message',
  /** In its thread's partition. */
  run: 'run',
  /** In its thread's partition, with the run as parent. */
  step: 'step',
  /**
   * In its thread's partition, id = step id, with the run as parent: what the model turn behind a step leaves for later (its usage
   * until the step may show it, vendor data that goes back with the tool outputs).
   */
  turn: 'turn',
  /**
   * In its thread's partition, id = run id, with the run as parent: what the events of its steps show beyond the steps' records (`include[]`
   * of its creation). Most runs have none.
   */
  runInclude: 'run_include',
  /** In its thread's partition, id `code`: where the thread's code last ran, and the files that it has written. */
  code: 'code',
  /** In its thread's partition, id `run`: there while a run is active, and names it. */
  lock: 'lock',
  /** In its thread's partition, with the run as parent: events that another instance wants to read. */
  events: 'events',
  /** In its thread's partition, id = run id: which instance executes the run, and until when. */
  lease: 'lease',
  /** In the partition of what was deleted: see `storage/deleted-places.ts`. */
  deleted: 'deleted',
  activeRun: 'active_run',
  project: 'project',
  readiness: 'readiness',
  counter: 'counter',
  /** Among the counters, id = day in UTC: what the project has used on it, for good (`lib/usage/ledger.ts`). */
  usageDay: 'usage_day',
  /** Among the files, id `files`: how many there are and their bytes, where the project has a quota of them. */
  stock: 'stock',
  /** In the project's `active-runs`: where it has a quota of runs, one that has not ended. */
  runSeat: 'run_seat',
  file: 'file',
  /** A file of the twelve documented methods, with its bytes: of no concern to the API, whose files have theirs in a blob store. */
  storedFile: 'stored_file',
  /** A copy of each file's record, which never changes, with its purpose as parent: the list of one purpose costs no more than that of all. */
  fileOfPurpose: 'file_of_purpose',
  /** Among the files: see `lib/schedule/scheduled-tasks.ts`. */
  scheduledTask: 'due',
  /** Among the files. */
  upload: 'upload',
  /** Among the files, with the upload as parent. */
  uploadPart: 'upload_part',
  fileProject: 'file_project',
  vectorStore: 'vector_store',
  /** In its vector store's partition, as all that follow but the last two. Its id is that of the file. */
  vectorStoreFile: 'vector_store_file',
  vectorStoreBatch: 'vector_store_batch',
  /** What is to be done, and who does it: see `lib/vector-stores/records.ts`. */
  vectorStoreJob: 'vector_store_job',
  /** A file became searchable, or its attributes changed. In the order in which that happened. */
  vectorStoreEntry: 'vector_store_entry',
  /** A piece of a file, with what was made of the file (its generation) as parent. */
  vectorStoreChunk: 'vector_store_chunk',
  activeVectorStore: 'active_vector_store',
  /** Beside `active_vector_store`: names these records to indexes that were made from them. */
  indexIdentity: 'index_identity',
  fileUse: 'file_use',
  pull: 'pull',
  idempotentAnswer: 'idempotent_answer'
} as const

/** The id of the one lock in a thread's partition. */
export const RUN_LOCK_ID = 'run'
