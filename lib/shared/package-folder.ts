import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** Where this package is installed. */
export const packageFolder = (): string => dirname(createRequire(import.meta.url).resolve('fastify-openai-compat/package.json'))
