/** Whether there are metrics, and for whom: with `token` for requests with that bearer token, else for those from this machine. */
export type MetricsOption = boolean | {
  /** Compared in constant time. */
  token?: string
}

/** Throws a TypeError for what is no such option. */
export function checkedMetrics (given: MetricsOption = false): MetricsOption {
  if (typeof given === 'boolean') return given
  if (typeof given !== 'object' || given === null || Object.keys(given).some(name => name !== 'token')) throw new TypeError('Option "metrics" must be true, false, or an object with a token.')
  if (given.token !== undefined && (typeof given.token !== 'string' || given.token.length < 16)) throw new TypeError('Option "metrics.token" must have 16 characters or more.')
  return given
}
