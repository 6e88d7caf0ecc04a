import { Duplex, PassThrough } from 'node:stream'
import { undici, type Agent, type Dispatcher } from '../../shared/undici.js'
import { SandboxError } from '../sandbox.js'

/** Of a request that does not stream. */
const CALL_MS = 30_000
/** The service is asked for a sign of life this often, and taken for dead after twice that time and more. */
const PING_S = 30
const SILENCE_MS = 120_000
/** The longest answer that is read. */
const MOST_BYTES = 64 * 1024
/** A message of a stream. */
const MOST_MESSAGE_BYTES = 16 * 1024 * 1024
/** Input travels in pieces of this size. */
const INPUT_BYTES = 256 * 1024
/** Of a message of a stream: a byte of flags and the length. */
const HEAD_BYTES = 5
const LAST = 2

export interface Endpoint {
  url: string
  headers: Record<string, string>
}

interface ProcessEvent {
  start?: { pid: number }
  data?: { stdout?: string, stderr?: string }
  end?: { exitCode?: number, status?: string, error?: string }
}

/** The service has answered, and refused. */
export class Refusal extends SandboxError {
  constructor (message: string, readonly status: number) {
    super(message)
  }
}

export const agent = (): Agent => new (undici().Agent)({ connect: { timeout: CALL_MS }, headersTimeout: CALL_MS, bodyTimeout: SILENCE_MS })

/** The body of an answer, whose status must be of success. Throws a `SandboxError` without what could be secret. */
export async function ask (dispatcher: Dispatcher, method: 'POST' | 'DELETE', { url, headers }: Endpoint, body: object | undefined, signal?: AbortSignal): Promise<any> {
  const limit = AbortSignal.timeout(CALL_MS)
  let answer: Dispatcher.ResponseData
  let text: string
  try {
    answer = await undici().request(url, {
      method, dispatcher, headers: { 'content-type': 'application/json', ...headers }, body: body === undefined ? null : JSON.stringify(body), signal: signal === undefined ? limit : AbortSignal.any([limit, signal])
    })
    text = await short(answer)
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason
    if (cause instanceof SandboxError) throw cause
    throw new SandboxError(`${new URL(url).host} cannot be reached: ${(cause as Error).message}`, { cause })
  }
  if (answer.statusCode === 401 || answer.statusCode === 403) throw new Refusal(`${new URL(url).host} refuses the key: set "codeInterpreter.e2b.apiKey"`, answer.statusCode)
  if (answer.statusCode >= 300) throw new Refusal(`${new URL(url).host} answered ${answer.statusCode}: ${messageIn(text)}`, answer.statusCode)
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SandboxError(`${new URL(url).host} did not answer in JSON`, { cause })
  }
}

async function short ({ body }: Dispatcher.ResponseData): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes > MOST_BYTES) throw new SandboxError('an answer of the sandbox service is too long')
  }
  return Buffer.concat(pieces).toString()
}

function messageIn (text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return String(message).slice(0, 300)
  } catch {
    return text.slice(0, 300)
  }
}

export interface RemoteCommand {
  cmd: string
  args: readonly string[]
  envs: Record<string, string>
}

/**
 * A process in a sandbox, through its agent `envd` (the service `process.Process`, by the Connect protocol in JSON). Its standard output is
 * `output`; what is written to `control` is its standard input, and what can be read there its standard error.
 */
export class RemoteProcess {
  readonly output = new PassThrough()
  readonly control: Duplex
  /** Resolves with the reason once it has ended, or nothing more is heard of it. Never rejects. */
  readonly exited: Promise<string>
  readonly #dispatcher: Dispatcher
  readonly #endpoint: Endpoint
  readonly #abort = new AbortController()
  #pid: number | undefined
  #started!: () => void
  readonly #start = new Promise<void>(resolve => { this.#started = resolve })
  #reason: string | undefined

  /** Starts it. `endpoint.headers` name the user. */
  constructor (dispatcher: Dispatcher, endpoint: Endpoint, command: RemoteCommand) {
    this.#dispatcher = dispatcher
    this.#endpoint = endpoint
    this.control = new Duplex({
      read () {},
      write: (chunk: Buffer, _encoding, done) => { this.#send(chunk).then(() => done(), done) }
    })
    this.control.on('error', () => {})
    this.output.on('error', () => {})
    this.exited = this.#run(command).catch((error: unknown) => (error as Error).message).then(reason => {
      this.#started()
      this.control.destroy()
      this.output.end()
      return this.#reason ?? reason
    })
  }

  /** A command beside it, whose end is not waited for. */
  interrupt (): void {
    if (this.#pid === undefined || this.#reason !== undefined) return
    const killing = new RemoteProcess(this.#dispatcher, this.#endpoint, { cmd: '/bin/kill', args: ['-INT', String(this.#pid)], envs: {} })
    killing.output.resume()
    killing.control.resume()
  }

  /** Nothing more is read of it. */
  leave (reason: string): void {
    this.#reason ??= reason
    this.#abort.abort()
  }

  async #send (chunk: Buffer): Promise<void> {
    await this.#start
    for (let at = 0; at < chunk.length && this.#reason === undefined; at += INPUT_BYTES) {
      const stdin = chunk.subarray(at, at + INPUT_BYTES).toString('base64')
      await ask(this.#dispatcher, 'POST', this.#at('SendInput'), { process: { pid: this.#pid }, input: { stdin } }, this.#abort.signal)
    }
  }

  /** Reads its events to the end. The reason of the end. */
  async #run ({ cmd, args, envs }: RemoteCommand): Promise<string> {
    const { url, headers } = this.#at('Start')
    const answer = await undici().request(url, {
      method: 'POST',
      dispatcher: this.#dispatcher,
      headers: { ...headers, 'content-type': 'application/connect+json', 'keepalive-ping-interval': String(PING_S) },
      body: enveloped({ process: { cmd, args, envs, cwd: '/' }, stdin: true }),
      signal: this.#abort.signal
    })
    if (answer.statusCode !== 200) throw new SandboxError(`the sandbox answered ${answer.statusCode}: ${messageIn(await short(answer))}`)
    for await (const { flags, message } of messages(answer.body as AsyncIterable<Buffer>)) {
      if ((flags & LAST) !== 0) return message.error === undefined ? 'the sandbox sent nothing more' : `the sandbox failed: ${String(message.error.message ?? message.error.code).slice(0, 300)}`
      const event = message.event as ProcessEvent | undefined
      if (typeof event?.start?.pid === 'number') {
        this.#pid = event.start.pid
        this.#started()
      }
      if (typeof event?.data?.stdout === 'string' && !this.output.write(Buffer.from(event.data.stdout, 'base64'))) await this.#drained()
      if (typeof event?.data?.stderr === 'string') this.control.push(Buffer.from(event.data.stderr, 'base64'))
      if (event?.end !== undefined) return `Python ended with ${String(event.end.status ?? `status ${event.end.exitCode ?? 0}`).slice(0, 100)}`
    }
    return 'the connection to the sandbox was lost'
  }

  /** Until what was printed is read, or nothing more is wanted. */
  async #drained (): Promise<void> {
    await new Promise<void>(resolve => {
      this.output.once('drain', resolve)
      this.#abort.signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  #at (procedure: string): Endpoint {
    return { url: `${this.#endpoint.url}/process.Process/${procedure}`, headers: { ...this.#endpoint.headers, 'connect-protocol-version': '1' } }
  }
}

function enveloped (message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message))
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(json.length, 1)
  return Buffer.concat([head, json])
}

async function * messages (body: AsyncIterable<Buffer>): AsyncGenerator<{ flags: number, message: any }, void, undefined> {
  let pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body) {
    pieces.push(piece)
    bytes += piece.length
    while (bytes >= HEAD_BYTES) {
      const all = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
      pieces = [all]
      const length = all.readUInt32BE(1)
      if (length > MOST_MESSAGE_BYTES) throw new SandboxError('the sandbox sent a message that is too long')
      if (bytes < HEAD_BYTES + length) break
      const rest = all.subarray(HEAD_BYTES + length)
      yield { flags: all[0]!, message: JSON.parse(all.toString('utf8', HEAD_BYTES, HEAD_BYTES + length)) }
      pieces = [rest]
      bytes = rest.length
    }
  }
}
