import { existsSync } from 'node:fs'
import { parseStorageUrl } from '../../storage/open.js'
import type { FileConfig } from './config-file.js'
import { OperatorError } from './errors.js'

/** Throws when the store is a SQLite file that is not there: opening it would make an empty one. */
export function requireFile (storage: FileConfig['storage']): void {
  if (typeof storage !== 'string') return
  const config = parseStorageUrl(storage)
  if (config.type === 'sqlite' && config.path !== ':memory:' && !existsSync(config.path)) throw new OperatorError(`There is no SQLite file ${config.path}.`)
}
