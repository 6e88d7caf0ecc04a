/**
 * Runs clients of the API against this server and writes docs/compatibility.md: `npm run compat`, or `npm run compat -- NAME...` to try some clients and
 * print what came of it. The clients are installed from the npm registry into a temporary folder.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Fastify from 'fastify'
import openaiCompat, { rewriteAzureUrl } from '../../dist/lib/index.js'
import { AREAS, CLIENTS, PACKAGES, page } from './matrix.js'
import { startVendor } from './vendor.js'

const root = join(import.meta.dirname, '../..')
const only = process.argv.slice(2)
const clients = only.length === 0 ? CLIENTS : CLIENTS.filter(({ name }) => only.includes(name))
const key = 'sk-compat'

/** The server that the clients meet, with TLS or without. */
async function startServer (vendor, tls) {
  const pem = readFileSync(join(root, 'test/data/localhost.pem'), 'utf8')
  const app = Fastify({ rewriteUrl: rewriteAzureUrl('/v1'), ...tls ? { https: { key: pem, cert: pem } } : {} })
  await app.register(openaiCompat, { prefix: '/v1', provider: { baseURL: vendor.url }, apiKeys: [key], codeInterpreter: 'off', foundryTools: true })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

async function checksOf ({ file, alias }, env) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.js'), file, alias], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  const cells = {}
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{"area"')) continue
    const { area, ...cell } = JSON.parse(line)
    cells[area] = cell
  }
  return cells
}

/** The major of Node that a package asks for, if this one is older. */
function lackingNode ({ engines }) {
  const needed = Number(/^\s*>=\s*(\d+)/.exec(engines?.node ?? '')?.[1] ?? 0)
  return Number(process.versions.node.split('.')[0]) < needed ? String(needed) : undefined
}

const folder = mkdtempSync(join(tmpdir(), 'compat-'))
try {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }))
  console.error('Installing the clients ...')
  execFileSync('npm', ['install', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  const vendor = await startVendor()
  const results = new Map()
  for (const client of clients) {
    const manifest = JSON.parse(readFileSync(join(folder, 'node_modules', client.alias, 'package.json'), 'utf8'))
    const lacking = lackingNode(manifest)
    const result = { version: manifest.version, node: process.versions.node, date: new Date().toISOString().slice(0, 10), lacking }
    if (lacking !== undefined) {
      results.set(client.name, { ...result, cells: Object.fromEntries(Object.keys(AREAS).map(area => [area, { outcome: 'skipped' }])) })
      console.error(`${client.name} ${manifest.version}: asks for Node ${lacking}`)
      continue
    }
    // Each client has servers of its own, so that it counts only its own objects.
    const [plain, tls] = [await startServer(vendor, false), await startServer(vendor, true)]
    const cells = await checksOf(client, {
      COMPAT_PACKAGES: folder,
      COMPAT_URL: `http://127.0.0.1:${plain.server.address().port}`,
      COMPAT_TLS_URL: `https://localhost:${tls.server.address().port}`,
      COMPAT_KEY: key,
      NODE_EXTRA_CA_CERTS: join(root, 'test/data/localhost.pem')
    })
    await Promise.all([plain.close(), tls.close()])
    results.set(client.name, { ...result, cells })
    console.error(`${client.name} ${manifest.version}: ${Object.keys(AREAS).map(area => `${area} ${cells[area]?.outcome ?? 'missing'}${cells[area]?.reason === undefined ? '' : ` (${cells[area].reason})`}`).join(', ')}`)
  }
  vendor.close()
  if (only.length === 0) writeFileSync(join(root, 'docs/compatibility.md'), page(results))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
