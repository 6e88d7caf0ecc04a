import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { built } from '../../helpers/paths.js'

/**
 * The package as a module for blocks: all of it, but what would be kept in memory by default is kept in this storage, so
 * that each block is tried on more than one.
 */
export function packageOn (storage: string): string {
  return `
    import * as real from ${JSON.stringify(pathToFileURL(join(built, 'lib/index.js')).href)}
    export * from ${JSON.stringify(pathToFileURL(join(built, 'lib/index.js')).href)}
    const storage = ${JSON.stringify(storage)}
    const kept = options => options?.threadManager === undefined ? { storage, ...options } : options
    export const openaiCompat = Object.assign(async (app, options) => await real.openaiCompat(app, kept(options)), { [Symbol.for('skip-override')]: true })
    export default openaiCompat
    export const createOpenAIServer = (runtime, options) => real.createOpenAIServer(runtime, kept(options))
    export const createOpenAIAdapter = (runtime, options) => real.createOpenAIAdapter(runtime, kept(options))
  `
}
