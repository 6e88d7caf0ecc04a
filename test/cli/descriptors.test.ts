import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { startCommand, type CliProcess } from '../helpers/process.js'
import { built } from '../helpers/paths.js'

/** The command line in a process that may have so many files and connections open. */
function startWith (t: Test, limit: number): CliProcess {
  const command = [process.execPath, join(built, 'lib/cli.js'), '--port', '0', '--storage', 'sqlite:./records.db']
  // What tap loads into each process opens a file at its end.
  return startCommand(t, 'sh', { args: ['-c', `ulimit -n ${limit}; unset NODE_OPTIONS; exec "$0" "$@"`, ...command] })
}

const sentence = (limit: number): string => `The process has as many files and connections open as it may (${limit}): raise the limit of descriptors to 1024 or more, with "ulimit -n", LimitNOFILE= of systemd or --ulimit nofile= of Docker.`

test('a start with 64 descriptors fails with one sentence that names the limit', async t => {
  const { code, stdout, stderr } = await startWith(t, 64).exited
  t.strictSame([code, stdout, stderr], [1, '', `fastify-openai-compat: ${sentence(64)}\n`])
})

test('a server whose descriptors are used up says so, refuses what needs one, and goes on when there are some', async t => {
  const limit = 320
  const server = startWith(t, limit)
  const { hostname, port } = new URL(await server.ready)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const upload = async (): Promise<{ status: number | undefined, body: any }> => {
    const boundary = 'x'
    const part = (headers: string, body: string): string => `--${boundary}\r\ncontent-disposition: form-data; ${headers}\r\n\r\n${body}\r\n`
    const sent = request({ agent, hostname, port, path: '/v1/files', method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } })
    sent.end(`${part('name="purpose"', 'user_data')}${part('name="file"; filename="a.txt"', 'a')}--${boundary}--\r\n`)
    const [answer] = await once(sent, 'response')
    return { status: answer.statusCode, body: JSON.parse(await text(answer)) }
  }
  t.equal((await upload()).status, 200)

  const idle: Socket[] = []
  // The server lets connections go that it has no descriptor for.
  let closed: () => void = () => {}
  const isFull = new Promise<void>(resolve => { closed = resolve })
  t.teardown(() => { for (const socket of idle) socket.destroy() })
  for (let i = 0; i < limit; i++) idle.push(connect(Number(port), hostname).on('error', () => {}).once('close', closed))
  await isFull
  t.match(await upload(), { status: 503, body: { error: { code: 'storage_unavailable' } } })
  t.match(await server.logged(`as it may (${limit})`), { level: 50 })

  for (const socket of idle) socket.destroy()
  let answer
  do answer = await upload()
  while (answer.status === 503)
  t.equal(answer.status, 200)
})
