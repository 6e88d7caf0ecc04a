import { Core } from '../core.js'
import { resolveOptions } from '../options/options.js'
import { ApiError } from '../shared/errors.js'
import { silentLogger } from '../shared/log.js'
import { readConfigFile } from './config-file.js'
import { configure } from './configure.js'
import type { EraseCommand } from './erase-arguments.js'
import { OperatorError } from './errors.js'
import { counted } from './progress.js'
import { requireFile } from './require-file.js'
import type { Values } from './settings.js'

/** Erases a project or a thread in the store, without taking runs up. */
export async function runErase ({ project, thread, files }: EraseCommand, values: Values, out: NodeJS.WritableStream): Promise<void> {
  const { config: { storage, blobs, retrieval } } = configure(values, await readConfigFile(values.config, process.cwd()))
  requireFile(storage)
  const options = resolveOptions({
    codeInterpreter: 'off',
    ...storage === undefined ? {} : { storage },
    ...blobs === undefined ? {} : { blobs },
    retrieval: { ...retrieval, embeddings: 'none' }
  })
  if (!options.storage.records.supports.persistent) throw new OperatorError('There is nothing to erase with memory: as the storage.')
  const core = new Core(options, silentLogger)
  try {
    await core.openStores()
    if (!await core.hasProject(project)) throw new OperatorError(`There is no project "${project}" in the store.`)
    const { erased } = thread === undefined ? await core.eraseProject(core.project(project), project) : await core.eraseThread(core.project(project), thread, { files })
    const counts = Object.entries(erased).filter(([, count]) => count > 0).map(([name, count]) => counted(count, name.replaceAll('_', ' ').replace(/s$/, '')))
    out.write(`Erased ${thread === undefined ? `the project "${project}"` : `the thread ${thread}`}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}.\n`)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) throw new OperatorError(`There is no thread ${thread} in the project "${project}".`, { cause: error })
    throw error
  } finally {
    await core.stop()
  }
}
