import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { built } from '../helpers/paths.js'

/** Folders whose tests run in the processes of this folder, and not each file in its own: starting one costs more than most of them take. */
export const FOLDERS = ['api', 'azure', 'chat', 'conformance', 'in-process', 'models', 'runs', 'server', 'tools', 'unit', 'webhooks'] as const

/** Runs the test files of the folders one after the other in this process; the n-th of every `parts`, from 1, when there are several. */
export async function importTests (folders: readonly (typeof FOLDERS)[number][], part = 1, parts = 1): Promise<void> {
  const files = folders.flatMap(folder => readdirSync(join(built, 'test', folder)).filter(name => name.endsWith('.test.js')).sort().map(name => `../${folder}/${name}`))
  for (const [index, file] of files.entries()) if (index % parts === part - 1) await import(file)
}
