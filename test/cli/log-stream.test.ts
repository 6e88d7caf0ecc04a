import { Writable } from 'node:stream'
import Fastify from 'fastify'
import { test } from 'tap'
import { logStream } from '../../lib/cli/log-stream.js'

test('on a terminal a request is a short line, and what a run did stands behind its message', async t => {
  let text = ''
  const terminal = Object.assign(new Writable({ write (chunk, _encoding, done) { text += String(chunk); done() } }), { isTTY: true, hasColors: () => false })
  const stream = await logStream(terminal as unknown as NodeJS.WriteStream)
  const { log } = Fastify({ logger: { stream, serializers: { req: (request: any) => request, res: (reply: any) => reply } } })
  log.info({ reqId: 'req_1', req: { method: 'POST', url: '/v1/threads', remotePort: 60516 }, res: { statusCode: 200 }, responseTime: 37.984167999999954 }, 'request completed')
  log.info({ responseTime: 0.2 }, 'request completed')
  log.info({ run_id: 'run_1', duration_ms: 33 }, 'run completed')
  await new Promise(resolve => { (stream as unknown as Writable).end(resolve) })
  t.strictSame(text.split('\n').map(line => line.replace(/^\[[\d:.]+\] /, '')), [
    'INFO: request completed POST /v1/threads 200 38 ms {"reqId":"req_1"}',
    'INFO: request completed < 1 ms',
    'INFO: run completed {"run_id":"run_1","duration_ms":33}',
    ''
  ])
})
