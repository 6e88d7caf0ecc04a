/**
 * Two servers in one process, without and with log and metrics: what differs between processes (where code and memory lie) is more than
 * what the log and the metrics cost.
 *
 *   observed.js VENDOR FOLDER silent-first|silent-last    prints both addresses in a line, the silent one's first
 *
 * Which of them is made and warmed up first makes a difference of its own.
 */
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { together } from '../../lib/cli/log-stream.js'
import { OpenAIServer } from '../../lib/server.js'

const [vendor, folder, order] = process.argv.slice(2) as [string, string, 'silent-first' | 'silent-last']
const log = openSync(join(folder, 'log'), 'a')
const stream = together({ write: lines => { writeSync(log, lines) } })

const inOrder = <T>(of: T[]): T[] => order === 'silent-first' ? of : of.reverse()

const servers = inOrder(inOrder<'silent' | 'info'>(['silent', 'info']).map(level => new OpenAIServer(undefined, {
  port: 0,
  host: '127.0.0.1',
  storage: `sqlite:${folder}/${level}.db`,
  provider: { baseURL: `${vendor}/v1` },
  metrics: level === 'info',
  logging: { level, stream }
})))
await Promise.all(servers.map(async server => await server.start()))
console.log(servers.map(server => server.getBaseUrl().replace(/\/v1$/, '')).join(' '))
process.on('SIGTERM', () => { Promise.all(servers.map(async server => await server.stop())).then(() => process.exit(0), () => process.exit(1)) })
