import { createServer, type AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_SANDBOX_LIMITS, type Sandbox, type SandboxCheck, type SandboxEvent } from './sandbox.js'

/** The packages that are worth a word, by the name that they are imported under. */
const PACKAGES = ['numpy', 'pandas', 'matplotlib', 'scipy', 'sklearn', 'seaborn', 'PIL', 'openpyxl', 'docx', 'pptx', 'reportlab', 'sympy', 'statsmodels', 'requests', 'bs4', 'lxml']
const CHECK_MS = 60_000

/** Attacks from inside. Prints one JSON line: what has succeeded, and which packages there are. */
const attack = (port: number, secret: string): string => String.raw`
import importlib.util, json, os, socket, sys
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
def writes(path):
    with open(path, 'w') as file:
        return file.write('') == 0
holes = {
    'the network is open': connects,
    'files of this machine can be read': lambda: open(${JSON.stringify(secret)}).read(),
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
found = [name for name, attempt in holes.items() if succeeds(attempt)]
packages = [name for name in ${JSON.stringify(PACKAGES)} if importlib.util.find_spec(name) is not None]
print(json.dumps({'found': found, 'packages': packages}))
`

/** Starts a session and tries its walls. Never rejects. */
export async function selfTest (sandbox: Sandbox): Promise<SandboxCheck> {
  const server = createServer(socket => socket.destroy())
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-self-test-'))
  const signal = AbortSignal.timeout(CHECK_MS)
  try {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const secret = join(folder, 'secret')
    await writeFile(secret, 'secret', { mode: 0o644 })
    const session = await sandbox.start({ limits: DEFAULT_SANDBOX_LIMITS, signal })
    try {
      let printed = ''
      let done: SandboxEvent & { type: 'done' } | undefined
      for await (const event of session.execute(attack((server.address() as AddressInfo).port, secret), { timeoutMs: CHECK_MS, signal })) {
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
    await rm(folder, { recursive: true, force: true })
  }
}
