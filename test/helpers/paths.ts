/** Where things lie: the tests run compiled, from `build`, and what they read or start may not be. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Of the repository. */
export const root = dirname(createRequire(import.meta.url).resolve('fastify-openai-compat/package.json'))

/** The sources and the tests as JavaScript. */
export const built = join(root, 'build')
