import { createRequire } from 'node:module'

/** Of this package, as npm knows it. */
export function packageVersion (): string {
  return (createRequire(import.meta.url)('fastify-openai-compat/package.json') as { version: string }).version
}
