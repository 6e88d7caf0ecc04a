/**
 * The files in which a fault loses data or locks a thread, and the tests that have to notice it, the fastest first: each mutant runs
 * those that reach it, until one fails. Few tests for each file, so that a release can wait for all of them.
 */
const tests = (...names) => names.map(name => `build/test/${name}.test.js`)

export const targets = {
  // Leases, claims and takeovers.
  'lib/shared/lease.ts': tests('unit/lease', 'runs/leases'),
  'lib/runs/lease.ts': tests('unit/job-lease', 'runs/damaged', 'runs/waiting'),
  'lib/runs/engine.ts': tests('unit/engine', 'unit/engine-recovery', 'unit/engine-handover', 'unit/engine-messages'),
  'lib/runs/execution.ts': tests('unit/execution', 'unit/execution-store', 'unit/parallel-calls'),
  'lib/runs/expiry-timers.ts': tests('unit/expiry-timers'),
  'lib/runs/events/mirror.ts': tests('unit/mirror', 'unit/log-keeper'),
  'lib/vector-stores/indexer.ts': tests('unit/indexer', 'unit/indexing'),
  'lib/vector-stores/indexing.ts': tests('unit/indexing', 'unit/indexer', 'vector-stores/recovery'),
  // Commits.
  'lib/shared/certain-store.ts': tests('unit/certain-store'),
  'lib/shared/until-written.ts': tests('unit/until-written'),
  'lib/shared/idempotent-answers.ts': tests('unit/idempotent-answers'),
  'storage/base/batch.ts': tests('unit/batch'),
  // Locks.
  'lib/shared/thread-locks.ts': tests('unit/thread-locks', 'runs/uncertain'),
  'lib/dialects/assistants/state.ts': tests('runs/state-table'),
  // Cursors.
  'lib/shared/pagination.ts': tests('unit/pagination'),
  'storage/deleted-places.ts': tests('unit/deleted-places'),
  'storage/each-record.ts': tests('unit/each-record'),
  'storage/base/abstract-record-store.ts': tests('unit/abstract-record-store'),
  // Counts.
  'lib/vector-stores/store-change.ts': tests('unit/store-change'),
  'lib/vector-stores/records.ts': tests('unit/store-change'),
  // Budgets.
  'lib/shared/byte-budget.ts': tests('unit/byte-budget'),
  'lib/runs/prompt/budget.ts': tests('unit/prompt-budget'),
  // Uploads.
  'lib/files/uploads.ts': tests('unit/uploads'),
  'lib/files/staging.ts': tests('unit/staging'),
  // Transfer.
  'lib/transfer/importer.ts': tests('unit/importer', 'transfer/plain', 'transfer/elsewhere'),
  'lib/transfer/record-writer.ts': tests('unit/record-writer', 'transfer/plain', 'transfer/elsewhere')
}
