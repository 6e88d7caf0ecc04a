/**
 * Builds tap without the plugins that package.json takes out of it. A run would do so itself, but goes on with the loaders that it began
 * with: the first run after an installation would load a compiler of TypeScript into each of its processes.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { tap } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'))
const unwanted = tap.plugin.filter(name => name.startsWith('!')).map(name => name.slice(1))
// A process of its own: to be imported is to tap to begin a test.
const built = execFileSync(process.execPath, ['-e', 'import("tap").then(({ t }) => console.log(t.pluginSignature))'], { encoding: 'utf8' }).split('\n')
if (unwanted.some(name => built.includes(name))) execFileSync(join(import.meta.dirname, '../node_modules/.bin/tap'), ['build'], { stdio: ['ignore', 'ignore', 'inherit'] })
