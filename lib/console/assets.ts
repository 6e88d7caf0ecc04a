import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** One file of the page. */
export interface Asset {
  type: string
  bytes: Buffer
  gzipped: Buffer
  etag: string
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.md': 'text/plain; charset=utf-8'
}

/** Where the build has put the page. */
const folder = join(dirname(createRequire(import.meta.url).resolve('fastify-openai-compat/package.json')), 'dist/console')

/** Throws when the page was not built. */
export function requireBuild (): void {
  if (!existsSync(join(folder, 'index.html'))) throw new Error('The console was not built: run "npm run build", or leave it out.')
}

/**
 * All files of the page by their path below it (`index.html`, `assets/index-x.js`), in memory: they are few and small, and a request
 * can name none that is not among them.
 */
export async function readAssets (): Promise<Map<string, Asset>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const assets = entries.filter(entry => entry.isFile()).map(async ({ parentPath, name }): Promise<[string, Asset]> => {
    const bytes = await readFile(join(parentPath, name))
    const path = join(parentPath, name).slice(folder.length + 1).replaceAll('\\', '/')
    return [path, {
      type: TYPES[extname(name)] ?? 'application/octet-stream',
      bytes,
      gzipped: await promisify(gzip)(bytes, { level: 9 }),
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
    }]
  })
  return new Map(await Promise.all(assets))
}
