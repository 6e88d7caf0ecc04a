import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { DEFAULT_SANDBOX_LIMITS, type Sandbox, type SandboxCheck, type SandboxEvent } from './sandbox.js'

/** The packages that are worth a word, by the name that they are imported under. */
const PACKAGES = ['numpy', 'pandas', 'matplotlib', 'scipy', 'sklearn', 'seaborn', 'PIL', 'openpyxl', 'docx', 'pptx', 'reportlab', 'sympy', 'statsmodels', 'requests', 'bs4', 'lxml']
const CHECK_MS = 60_000
/**
 * Files that every user of a machine may read, so that nothing but the sandbox keeps code from them. One of our own would be left behind by a
 * server that is killed.
 */
const SECRETS = ['/etc/passwd', '/etc/group', '/etc/hosts', 'C:\\Windows\\win.ini']

/** Attacks from inside. Prints one JSON line: what has succeeded, and which packages there are. */
const attack = (port: number, secrets: Readonly<Record<string, string>>, isRemote: boolean): string => String.raw`
import hashlib, importlib.util, json, os, socket, sys
def succeeds(attempt):
    try:
        return bool(attempt())
    except BaseException:
        return False
def status(key):
    with open('/proc/self/status') as lines:
        return next(line.split()[1] for line in lines if line.startswith(key + ':'))
def connects():
    with socket.create_connection(('127.0.0.1', ${port}), 1):
        return True
def reads(path, digest):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest() == digest
def writes(path):
    with open(path, 'w') as file:
        return file.write('') == 0
holes = {
    'the network is open': connects,
    'files of this machine can be read': lambda: any(succeeds(lambda: reads(*of)) for of in ${JSON.stringify(Object.entries(secrets))}),
    'the kernel can be configured': lambda: any(succeeds(lambda: writes('/proc/sys/kernel/' + name)) for name in ('core_pattern', 'hostname')),
    'the system can be written to': lambda: writes('/usr/self-test') or writes('/etc/self-test'),
}
if sys.platform == 'linux':
    import resource
    holes['code runs as root'] = lambda: os.getuid() == 0
    holes['system calls are not filtered'] = lambda: status('Seccomp') != '2'
    holes['privileges can be gained'] = lambda: status('NoNewPrivs') != '1' or int(status('CapEff'), 16) != 0
    holes['memory is not limited'] = lambda: resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY
    holes['processes are not limited'] = lambda: resource.getrlimit(resource.RLIMIT_NPROC)[1] == resource.RLIM_INFINITY
if ${isRemote ? 'True' : 'False'}:
    # Another machine holds code in, and none of this one's walls is there.
    holes = {}
found = [name for name, attempt in holes.items() if succeeds(attempt)]
packages = [name for name in ${JSON.stringify(PACKAGES)} if importlib.util.find_spec(name) is not None]
print(json.dumps({'found': found, 'packages': packages}))
`

/** Starts a session and tries its walls, where they are of this machine. Never rejects. */
export async function selfTest (sandbox: Sandbox): Promise<SandboxCheck> {
  const server = createServer(socket => socket.destroy())
  const signal = AbortSignal.timeout(CHECK_MS)
  try {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const session = await sandbox.start({ limits: DEFAULT_SANDBOX_LIMITS, signal })
    try {
      let printed = ''
      let done: SandboxEvent & { type: 'done' } | undefined
      for await (const event of session.execute(attack((server.address() as AddressInfo).port, secretsHere(), sandbox.strength === 'remote'), { timeoutMs: CHECK_MS, signal })) {
        if (event.type === 'text') printed += event.text
        if (event.type === 'done') done = event
      }
      if (done?.status !== 'ok') return { ok: false, reason: `The self-test of ${sandbox.name} did not end: ${done?.detail ?? printed.slice(-300)}.` }
      const { found, packages } = JSON.parse(printed.trim()) as { found: string[], packages: string[] }
      if (found.length > 0) return { ok: false, reason: `The self-test of ${sandbox.name} failed: ${found.join(', ')}.` }
      return { ok: true, python: session.python, packages }
    } finally {
      await session.stop()
    }
  } catch (error) {
    return { ok: false, reason: `${sandbox.name} does not work here: ${(error as Error).message.replace(/\.?$/, '.')}` }
  } finally {
    server.close()
  }
}

/** By path: the SHA-256 digest of what this machine has there. */
function secretsHere (): Record<string, string> {
  return Object.fromEntries(SECRETS.flatMap(path => {
    try {
      return [[path, createHash('sha256').update(readFileSync(path)).digest('hex')]]
    } catch {
      return []
    }
  }))
}
