import { remotePython } from '../python/cpython.js'
import { RunnerSession, type RunnerProcess } from '../runner-session.js'
import { DATA_FOLDER, SandboxError, type Sandbox, type SandboxCheck, type SandboxLimits, type SandboxSession, type StartOptions } from '../sandbox.js'
import { selfTest } from '../self-test.js'
import { agent, ask, Refusal, RemoteProcess, type Endpoint } from './envd.js'

/** A sandbox is made, and a machine started for it. */
const START_MS = 60_000
/** Default and bounds of `timeoutMs`; the service has a bound of its own, which depends on the account. */
export const E2B_TIMEOUT_MS = { fallback: 300_000, least: 15_000, most: 86_400_000 } as const
/** So often within its timeout a sandbox is renewed. */
const RENEWALS = 5
/** Of `envd`, the agent in every sandbox. */
const ENVD_PORT = 49983

export interface E2bOptions {
  /** The key of the service. */
  apiKey?: string
  /** Where sandboxes are made and ended. Default `https://api.e2b.app`. */
  apiUrl?: string
  /** Where a sandbox is reached: `{port}`, `{id}` and `{domain}` are replaced. Default `https://{port}-{id}.{domain}`. */
  sandboxUrl?: string
  /** The domain of the sandboxes, where the service does not name one. Default `e2b.app`. */
  domain?: string
  /** What sandboxes are made from. It must have `python3`. Default `code-interpreter-v1`, which has numpy, pandas and matplotlib. */
  template?: string
  /** The user that code runs as. Default `user`. */
  user?: string
  /**
   * How long a sandbox lives without being renewed, in milliseconds, from 15 s to a day: the server renews those that it uses, five times as
   * often, so this is what one costs whose server was killed. Default 300,000.
   */
  timeoutMs?: number
}

const ENVIRONMENT = { LANG: 'C.UTF-8', MPLBACKEND: 'module://sandbox_backend', MPLCONFIGDIR: '/tmp/.matplotlib' }

interface Made {
  sandboxID: string
  clientID?: string
  domain?: string | null
  envdAccessToken?: string | null
}

/**
 * Machines of E2B, or of a service that speaks the same wire: one for each session. Nothing of this server is in them; what code may do
 * there, the network included, is the service's and its template's affair.
 */
export class E2bSandbox implements Sandbox {
  readonly name = 'e2b'
  readonly strength = 'remote'
  readonly defaultSessions = 16
  readonly #options: E2bOptions
  readonly #sessions = new Set<SandboxSession>()
  readonly #dispatcher = agent()

  constructor (options: E2bOptions = {}) {
    this.#options = options
  }

  async check (): Promise<SandboxCheck> {
    if (this.#options.apiKey === undefined || this.#options.apiKey === '') return { ok: false, reason: 'E2B needs a key: set "codeInterpreter.e2b.apiKey", or E2B_API_KEY.' }
    return await selfTest(this)
  }

  async start ({ limits, signal }: StartOptions): Promise<SandboxSession> {
    signal.throwIfAborted()
    const made = await ask(this.#dispatcher, 'POST', this.#api('/sandboxes'), { templateID: this.#options.template ?? 'code-interpreter-v1', timeout: this.#timeoutMs / 1000 }, signal) as Partial<Made> | undefined
    if (typeof made?.sandboxID !== 'string' || !/^[\w-]{1,100}$/.test(made.sandboxID)) throw new SandboxError('the sandbox service did not name a sandbox')
    const machine = new Machine(made as Made, limits, {
      dispatcher: this.#dispatcher, api: path => this.#api(path), envd: user => this.#envd(made as Made, user), user: this.#options.user ?? 'user', timeoutMs: this.#timeoutMs
    })
    const session = await RunnerSession.open(machine, limits, START_MS, signal)
    this.#sessions.add(session)
    session.ended.finally(() => this.#sessions.delete(session)).catch(() => {})
    return session
  }

  async close (): Promise<void> {
    await Promise.all([...this.#sessions].map(async session => await session.stop()))
    await this.#dispatcher.close()
  }

  get #timeoutMs (): number {
    return this.#options.timeoutMs ?? E2B_TIMEOUT_MS.fallback
  }

  #api (path: string): Endpoint {
    return { url: (this.#options.apiUrl ?? 'https://api.e2b.app').replace(/\/$/, '') + path, headers: { 'x-api-key': this.#options.apiKey ?? '' } }
  }

  #envd ({ sandboxID, clientID, domain, envdAccessToken }: Made, user: string): Endpoint {
    const id = typeof clientID === 'string' && /^[\w-]{1,100}$/.test(clientID) ? `${sandboxID}-${clientID}` : sandboxID
    const named = typeof domain === 'string' && /^[\w.-]{1,200}$/.test(domain) ? domain : this.#options.domain ?? 'e2b.app'
    return {
      url: (this.#options.sandboxUrl ?? 'https://{port}-{id}.{domain}').replace('{port}', String(ENVD_PORT)).replace('{id}', id).replace('{domain}', named).replace(/\/$/, ''),
      headers: { authorization: `Basic ${Buffer.from(`${user}:`).toString('base64')}`, ...typeof envdAccessToken === 'string' ? { 'x-access-token': envdAccessToken } : {} }
    }
  }
}

interface Service {
  dispatcher: ReturnType<typeof agent>
  api (path: string): Endpoint
  envd (user: string): Endpoint
  user: string
  timeoutMs: number
}

/** The runner, alone on a machine that ends with it. */
class Machine implements RunnerProcess {
  readonly output
  readonly control
  readonly exited: Promise<string>
  readonly #process: RemoteProcess

  constructor ({ sandboxID }: Made, limits: SandboxLimits, { dispatcher, api, envd, user, timeoutMs }: Service) {
    this.#process = new RemoteProcess(dispatcher, envd('root'), { cmd: '/bin/sh', args: ['-c', PREPARE, 'sh', user, 'python3', '-I', '-B', '-X', 'utf8', '-c', remotePython(), JSON.stringify(rlimits(limits))], envs: ENVIRONMENT })
    this.output = this.#process.output
    this.control = this.#process.control
    let failures = 0
    const renewal = setInterval(() => {
      ask(dispatcher, 'POST', api(`/sandboxes/${sandboxID}/timeout`), { timeout: timeoutMs / 1000 }).then(() => { failures = 0 }, (error: unknown) => {
        // It lives on without this one, and is lost only when all that fall within its timeout have failed.
        if (++failures >= RENEWALS || (error instanceof Refusal && error.status === 404)) this.kill((error as Error).message)
      })
    }, timeoutMs / RENEWALS).unref()
    this.exited = this.#process.exited.then(async reason => {
      clearInterval(renewal)
      // Gone already, or it ends by itself.
      await ask(dispatcher, 'DELETE', api(`/sandboxes/${sandboxID}`), undefined).catch(() => {})
      return reason
    })
  }

  interrupt (): void {
    this.#process.interrupt()
  }

  kill (reason: string): void {
    this.#process.leave(reason)
  }
}

/** As root: the folder of the session, and then Python as the user. `setpriv` is of util-linux, which every Debian has. */
const PREPARE = `mkdir -p ${DATA_FOLDER} && user=$1 && shift && if id "$user" >/dev/null 2>&1; then chown "$user" ${DATA_FOLDER} && exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --no-new-privs -- "$@"; else echo "there is no user $user" >&2; exit 1; fi`

/** By the names that Python knows them under. Processes are not counted: the user may have others there. */
function rlimits ({ memoryBytes, dataBytes, openFiles }: SandboxLimits): Record<string, number> {
  return { AS: memoryBytes, FSIZE: dataBytes, NOFILE: openFiles, CORE: 0 }
}
