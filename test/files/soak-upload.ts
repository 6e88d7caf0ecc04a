/**
 * How much a 300 MB upload adds to the memory of the server. Run: `node --expose-gc --import @tapjs/typescript/import
 * test/files/soak-upload.ts [storage URL]`. The client is a process of its own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import openaiCompat from '../../lib/plugin.js'

const SIZE = 300 * 1024 * 1024
const MB = 1024 * 1024

/** Sends as fast as the server reads. */
async function send (baseURL: string): Promise<void> {
  const upload = request(`${baseURL}/files`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=X' } })
  upload.write('--X\r\ncontent-disposition: form-data; name="file"; filename="large.bin"\r\n\r\n')
  const chunk = Buffer.alloc(64 * 1024, 'x')
  for (let sent = 0; sent < SIZE; sent += chunk.length) {
    if (!upload.write(chunk)) await once(upload, 'drain')
  }
  upload.end('\r\n--X\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--X--\r\n')
  const [response] = await once(upload, 'response')
  response.pipe(process.stdout)
}

if (process.argv[2]?.startsWith('http:')) {
  await send(process.argv[2])
} else {
  const folder = mkdtempSync(join(tmpdir(), 'openai-compat-'))
  const app = Fastify()
  await app.register(openaiCompat, { storage: process.argv[2] ?? `sqlite:${join(folder, 'soak.db')}` })
  await app.listen({ port: 0, host: '127.0.0.1' })
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()) }, 20)
  const started = performance.now()
  const client = spawn(process.execPath, [fileURLToPath(import.meta.url), `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`], { stdio: ['ignore', 'inherit', 'inherit'] })
  await once(client, 'exit')
  clearInterval(watch)
  const seconds = (performance.now() - started) / 1000
  console.log(`\n${SIZE / MB} MB in ${seconds.toFixed(1)} s (client's start included); memory grew by ${((peak - before) / MB).toFixed(1)} MB at most`)
  await app.close()
  rmSync(folder, { recursive: true, force: true })
}
