/**
 * How many times as long as usual everything may take: on a machine so busy that one connection takes most of `TIMEOUT_MS` to make, every
 * store is away. The variable `CHAOS_PACE` of the environment.
 */
export const PACE = Number(process.env.CHAOS_PACE ?? 1)

/** Of runs and of files, for all instances under test, in milliseconds. */
export const LEASE_MS = 1500 * PACE
/** After which a store that does not answer counts as away. */
export const TIMEOUT_MS = 800 * PACE
/** After this and a lease nothing may be unfinished any more. */
export const GRACE_MS = 10_000 * PACE
