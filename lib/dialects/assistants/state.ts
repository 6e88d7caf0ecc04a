import type { RequiredAction, Run, RunError, RunStatus, Usage } from '../../../schemas/runs.js'

/**
 * The life of a run as data (API reference, "Runs and run steps", run life cycle). The store's conditional
 * write is the second guard: this table says which moves exist, the write says who made one first.
 */
const MOVES: Record<RunStatus, readonly RunStatus[]> = {
  queued: ['in_progress', 'cancelling', 'failed', 'expired'],
  in_progress: ['requires_action', 'completed', 'incomplete', 'cancelling', 'failed', 'expired'],
  // The caller submits outputs, cancels, or lets the run expire. `failed` is for a run that recovery cannot bring back.
  requires_action: ['queued', 'cancelling', 'failed', 'expired'],
  cancelling: ['cancelled', 'failed', 'expired'],
  cancelled: [],
  failed: [],
  completed: [],
  incomplete: [],
  expired: []
}

/** A run that holds its thread's lock. */
export function isActive (status: RunStatus): boolean {
  return MOVES[status].length > 0
}

export function canMove (from: RunStatus, to: RunStatus): boolean {
  return MOVES[from].includes(to)
}

/** What goes along with a move, by its target. Times are unix seconds. */
export type Move =
  | { to: 'queued' | 'cancelling' }
  | { to: 'in_progress', at: number }
  | { to: 'requires_action', action: RequiredAction }
  | { to: 'completed', at: number, usage: Usage }
  | { to: 'incomplete', at: number, usage: Usage, reason: NonNullable<NonNullable<Run['incomplete_details']>['reason']> }
  | { to: 'cancelled', at: number, usage: Usage }
  | { to: 'failed', at: number, usage: Usage, error: RunError }
  | { to: 'expired', usage: Usage }

/** The run after the move. Throws on a move that does not exist: that is a bug, never a user's mistake. */
export function transition (run: Run, move: Move): Run {
  if (!canMove(run.status, move.to)) throw new Error(`run ${run.id} cannot go from ${run.status} to ${move.to}`)
  const next: Run = { ...run, status: move.to, required_action: null }
  switch (move.to) {
    case 'queued':
    case 'cancelling':
      return next
    case 'in_progress':
      return { ...next, started_at: move.at }
    case 'requires_action':
      return { ...next, required_action: move.action }
    case 'completed':
      return { ...next, completed_at: move.at, expires_at: null, usage: move.usage }
    case 'incomplete':
      return { ...next, completed_at: move.at, expires_at: null, usage: move.usage, incomplete_details: { reason: move.reason } }
    case 'cancelled':
      return { ...next, cancelled_at: move.at, expires_at: null, usage: move.usage }
    case 'failed':
      return { ...next, failed_at: move.at, expires_at: null, usage: move.usage, last_error: move.error }
    case 'expired':
      // No stamp of its own: `expires_at` stays and tells when.
      return { ...next, usage: move.usage }
  }
}
