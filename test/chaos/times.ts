/** Of runs and of files, for all instances under test, in milliseconds. */
export const LEASE_MS = 1500
/** After which a store that does not answer counts as away. */
export const TIMEOUT_MS = 800
/** After this and a lease nothing may be unfinished any more. */
export const GRACE_MS = 10_000
