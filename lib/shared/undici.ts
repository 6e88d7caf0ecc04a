import { createRequire } from 'node:module'

type Undici = typeof import('undici')

let loaded: Undici | undefined

/**
 * undici, loaded when it is first needed, which takes as long as a server with one route takes to start. Without `await`: what sends a
 * request does not wait in the middle.
 *
 * Loading it makes it the dispatcher behind the process's own `fetch`, unless Node has set one before; and Node does so only when one of the
 * fetch globals is first used. A host's `fetch` must not change because it registers a plugin, so we touch one.
 */
export function undici (): Undici {
  if (loaded === undefined) {
    Reflect.get(globalThis, 'Response')
    loaded = createRequire(import.meta.url)('undici') as Undici
  }
  return loaded
}

export type { Agent, Dispatcher } from 'undici'
