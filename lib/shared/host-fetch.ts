/**
 * Loading undici from npm makes it the dispatcher behind the process's own `fetch`, unless Node has set one before; and
 * Node does so only when one of the fetch globals is first used. A host's `fetch` must not change because it
 * registers a plugin, so we touch one. To be imported before undici.
 */
Reflect.get(globalThis, 'Response')
