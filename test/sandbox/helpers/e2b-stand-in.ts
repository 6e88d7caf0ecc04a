/**
 * A stand-in for E2B: its API for sandboxes, and in each the agent `envd` as far as a client of `process.Process` needs it. Processes are
 * real; each has a `/mnt` of its own, and runs on this machine.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { E2bOptions } from '../../../lib/sandbox/e2b/e2b.js'

export const KEY = 'e2b_key_of_the_test'
const TOKEN = 'token-of-the-sandbox'
const PYTHON = '/usr/bin/python3'

export interface E2bStandIn {
  options: E2bOptions
  /** Sandboxes that have not been ended. */
  readonly alive: ReadonlySet<string>
  /** What sandboxes were asked to live for, in seconds. */
  readonly timeouts: number[]
  /** As when the service takes a machine away. */
  take (id: string): void
  /** The next so many renewals are answered with 503. */
  failRenewals (count: number): void
  /** Resolves when a sandbox has been renewed, or the server was refused, so many times from now on. */
  asked (count: number): Promise<void>
}

/** Why the stand-in cannot run here, or false. */
export const e2bSkip: string | false = process.platform !== 'linux' || process.getuid?.() !== 0
  ? 'the stand-in for E2B needs Linux and root, for a /mnt of its own'
  : !existsSync(PYTHON)
      ? `the stand-in for E2B needs ${PYTHON}; install it with: apt-get install python3`
      : spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0 && 'the stand-in for E2B needs a machine where root may mount'

interface Start { process: { cmd: string, args?: string[], envs?: Record<string, string> } }

const enveloped = (message: object, flags = 0): Buffer => {
  const json = Buffer.from(JSON.stringify(message))
  const head = Buffer.alloc(5)
  head[0] = flags
  head.writeUInt32BE(json.length, 1)
  return Buffer.concat([head, json])
}

export async function startE2b (t: Test): Promise<E2bStandIn> {
  const alive = new Set<string>()
  const timeouts: number[] = []
  const processes = new Map<number, { child: ChildProcess, sandbox: string }>()
  const renewals = new EventEmitter()
  let made = 0
  let failing = 0

  function end (id: string): void {
    alive.delete(id)
    for (const { child, sandbox } of processes.values()) if (sandbox === id) child.kill('SIGKILL')
  }

  async function api (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const refuse = (status: number, message: string): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ code: status, message })) }
    const text = (await buffer(request)).toString()
    if (request.headers['x-api-key'] !== KEY) return refuse(401, 'Invalid API key')
    const [, id, verb] = /^\/sandboxes(?:\/([\w-]+)(?:\/(\w+))?)?$/.exec(path) ?? []
    const body = text === '' ? {} : JSON.parse(text)
    if (id === undefined) {
      if (body.templateID !== 'with-python') return refuse(404, `template '${body.templateID}' not found`)
      const sandboxID = `i${++made}`
      alive.add(sandboxID)
      timeouts.push(body.timeout)
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ sandboxID, templateID: body.templateID, envdVersion: '0.2.0', envdAccessToken: TOKEN }))
      return
    }
    if (!alive.has(id)) return refuse(404, 'sandbox not found')
    if (verb === 'timeout') {
      if (failing > 0) {
        failing--
        renewals.emit('renewal')
        return refuse(503, 'try again')
      }
      timeouts.push(body.timeout)
      renewals.emit('renewal')
    } else {
      end(id)
    }
    response.writeHead(204).end()
  }

  async function envd (request: IncomingMessage, response: ServerResponse, sandbox: string, procedure: string): Promise<void> {
    const body = await buffer(request)
    if (!alive.has(sandbox) || request.headers['x-access-token'] !== TOKEN) {
      response.writeHead(502, { 'content-type': 'application/json' }).end(JSON.stringify({ message: 'The sandbox was not found', sandboxId: sandbox }))
      return
    }
    if (procedure === 'SendInput') {
      const { process: { pid }, input } = JSON.parse(body.toString())
      processes.get(pid)?.child.stdin?.write(Buffer.from(input.stdin, 'base64'))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      return
    }
    const { process: { cmd, args = [], envs = {} } } = JSON.parse(body.toString('utf8', 5)) as Start
    // What is no signal to a process that is there gets a /mnt of its own, and a pipe for its input: Node's is a socket, which can be written to.
    const command = cmd === '/bin/kill' ? [cmd, ...args] : ['bash', '--norc', '-c', 'exec 5<&0; exec < <(cat <&5); exec 5<&-; exec "$@"', 'bash', 'unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt && exec "$@"', 'sh', cmd, ...args]
    const child = spawn(command[0]!, command.slice(1), { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...envs }, cwd: '/' })
    processes.set(child.pid!, { child, sandbox })
    response.writeHead(200, { 'content-type': 'application/connect+json' })
    response.write(enveloped({ event: { start: { pid: child.pid } } }))
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]!.on('data', (piece: Buffer) => {
        if (response.write(enveloped({ event: { data: { [name]: piece.toString('base64') } } }))) return
        child[name]!.pause()
        response.once('drain', () => child[name]!.resume())
      })
    }
    child.stdin!.on('error', () => {})
    child.on('close', (code, signal) => {
      processes.delete(child.pid!)
      response.write(enveloped({ event: { end: { exitCode: code ?? 0, exited: true, status: signal === null ? `exit status ${code}` : `signal: ${signal}` } } }))
      response.end(enveloped({}, 2))
    })
  }

  const server = createServer((request, response) => {
    response.on('error', () => {})
    const [, sandbox, procedure] = /^\/box\/([\w-]+)\/process\.Process\/(\w+)$/.exec(request.url ?? '') ?? []
    const work = sandbox === undefined ? api(request, response, (request.url ?? '').replace('/api', '')) : envd(request, response, sandbox, procedure!)
    work.catch(() => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const { child } of processes.values()) child.kill('SIGKILL')
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    options: { apiKey: KEY, apiUrl: `${origin}/api`, sandboxUrl: `${origin}/box/{id}`, template: 'with-python', user: 'nobody' },
    alive,
    timeouts,
    take: end,
    failRenewals (count) { failing = count },
    async asked (count) {
      for (let left = count; left > 0; left--) await once(renewals, 'renewal')
    }
  }
}
