/**
 * The checks of one client, in a process of its own: `node child.js FILE ALIAS`. Prints a line of JSON for each area: what came of it. Where the packages
 * and the server are, the environment says.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AREAS } from './matrix.js'

const [file, alias] = process.argv.slice(2)
const { COMPAT_PACKAGES: folder, COMPAT_URL: url, COMPAT_TLS_URL: tlsUrl, COMPAT_KEY: key } = process.env
const require = createRequire(join(folder, 'package.json'))
const LONGEST_MS = 60_000

/** What a check is given. */
const given = {
  assert,
  alias,
  /** Without a path. */
  url,
  tlsUrl,
  baseURL: `${url}/v1`,
  key,
  model: 'scripted',
  load: async name => await import(pathToFileURL(require.resolve(name)).href),
  /** Everything that an iterator yields. */
  all: async items => {
    const found = []
    for await (const item of items) found.push(item)
    return found
  }
}

const say = result => new Promise(resolve => process.stdout.write(`${JSON.stringify(result)}\n`, resolve))

let checks
try {
  checks = await (await import(`./clients/${file}`)).default(given)
} catch (error) {
  checks = Object.fromEntries(Object.keys(AREAS).map(area => [area, () => { throw error }]))
}
for (const area of Object.keys(AREAS)) {
  if (checks[area] === undefined) {
    await say({ area, outcome: 'absent' })
    continue
  }
  const late = new Promise((resolve, reject) => setTimeout(reject, LONGEST_MS, new Error(`it took more than ${LONGEST_MS / 1000} s`)).unref())
  try {
    await Promise.race([checks[area](), late])
    await say({ area, outcome: 'passed' })
  } catch (error) {
    await say({ area, outcome: 'failed', reason: String(error?.message ?? error).split('\n')[0].slice(0, 300) })
  }
}
process.exit(0)
