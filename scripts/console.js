/**
 * Builds the console into `dist/console`, unless its sources and the packages that they use are those of the last build: a start is not to
 * wait for a bundler.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const stamp = join(root, 'dist/.console')

function fingerprint () {
  const hash = createHash('sha256')
  const sources = readdirSync(join(root, 'console'), { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const files = sources.map(entry => join(entry.parentPath, entry.name)).sort()
  for (const file of [...files, join(root, 'package-lock.json')]) hash.update(`${file.slice(root.length)}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

const now = fingerprint()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== now || !existsSync(join(root, 'dist/console/index.html'))) {
  const { build } = await import('vite')
  await build({ configFile: join(root, 'console/vite.config.js'), logLevel: 'warn' })
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(stamp, now)
}
