/** Everything below these is kept here, and what the provider keeps under such a path is another account's affair. */
const OURS = /^\/(?:assistants|threads|files|uploads|vector_stores|models|embeddings|health|ready|openapi\.json)(?:\/|$)/
const PATTERN = /^(?:\/[\w.~-]+)+(?:\/\*)?$/

/** Paths below the prefix, exact or with `/*` at the end. Throws a `TypeError` for what is none. */
export function resolvePassthrough (paths: readonly string[] = []): readonly string[] {
  if (!Array.isArray(paths)) throw new TypeError('Option "passthrough" must be a list of paths.')
  for (const path of paths as unknown[]) {
    if (typeof path !== 'string' || !PATTERN.test(path) || path.split('/').some(segment => /^\.+$/.test(segment))) {
      throw new TypeError(`Option "passthrough" must hold paths such as "/moderations" or "/audio/*", not ${JSON.stringify(path)}.`)
    }
    if (OURS.test(path)) throw new TypeError(`Option "passthrough" cannot hold "${path}": this server has that itself.`)
  }
  return [...new Set(paths)]
}
