/** What one project may have of the server. */
export interface Quotas {
  /** Requests of a project in a minute, on each instance; more are a 429. Default: as many as it likes. */
  requestsPerMinute?: number
}

/** Throws a TypeError for what is no quota. */
export function checkedQuotas (given: Quotas = {}): Quotas {
  for (const [name, value] of Object.entries(given)) {
    if (name !== 'requestsPerMinute') throw new TypeError(`Option "quotas.${name}" does not exist.`)
    if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`Option "quotas.${name}" must be a whole number, 1 or more.`)
  }
  return given
}
