/**
 * Why an execution stops before its job is through: a client asked for it, the job is no longer ours (deleted, ended by another
 * instance, taken over), or this instance shuts down and hands the job over.
 */
export type StopReason = 'cancelled' | 'expired' | 'lost' | 'shutdown'

export class RunStopped extends Error {
  override name = 'RunStopped'
  readonly reason: StopReason
  constructor (reason: StopReason) {
    super(`the run was stopped: ${reason}`)
    this.reason = reason
  }
}
