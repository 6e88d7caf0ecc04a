/**
 * Two servers in one process, without and with log and metrics: what differs between processes (where code and memory lie) is more than
 * what the log and the metrics cost.
 *
 *   observed.js VENDOR FOLDER    prints both addresses in a line
 */
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { together } from '../../lib/cli/log-stream.js'
import { OpenAIServer } from '../../lib/server.js'

const [vendor, folder] = process.argv.slice(2) as [string, string]
const log = openSync(join(folder, 'log'), 'a')
const stream = together({ write: lines => { writeSync(log, lines) } })

const servers = (['silent', 'info'] as const).map(level => new OpenAIServer(undefined, {
  port: 0,
  host: '127.0.0.1',
  storage: `sqlite:${folder}/${level}.db`,
  provider: { baseURL: `${vendor}/v1` },
  metrics: level === 'info',
  logging: { level, stream }
}))
await Promise.all(servers.map(async server => await server.start()))
console.log(servers.map(server => server.getBaseUrl().replace(/\/v1$/, '')).join(' '))
process.on('SIGTERM', () => { Promise.all(servers.map(async server => await server.stop())).then(() => process.exit(0), () => process.exit(1)) })
