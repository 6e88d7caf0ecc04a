import { ApiError } from '../shared/errors.js'

/**
 * Why an execution stops before its job is through: a client asked for it, the job is no longer ours (deleted, ended by another
 * instance, taken over), this instance shuts down and hands the job over, or a part of it has failed, and the rest is of no use.
 */
export type StopReason = 'cancelled' | 'expired' | 'lost' | 'shutdown' | 'failed'

export class RunStopped extends Error {
  override name = 'RunStopped'
  readonly reason: StopReason
  constructor (reason: StopReason) {
    super(`the run was stopped: ${reason}`)
    this.reason = reason
  }
}

/** Refuses new work while runs are handed over. */
export const shuttingDown = (): ApiError =>
  new ApiError(503, 'The server is shutting down. Please retry your request.', { code: 'shutting_down', headers: { 'retry-after': '1' } })
