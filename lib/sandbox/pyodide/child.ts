/**
 * The process that Pyodide runs in: requests and replies on file descriptor 3, output on 1, a byte on 4 interrupts. It locks itself down
 * before the first request is read. Started by `PyodideSandbox`, with Node's permission model and without code generation from strings.
 */
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import { CELLS } from '../python/cells.js'
import { boundFiles, boundMemory } from './bounds.js'
import { removeBridge } from './bridge.js'
import { lockDown } from './lock-down.js'
import { preparedPackages } from './packages.js'
import type { PyodideModule } from './pyodide-module.js'

const REPLIES = 3
const INTERRUPTS = 4
const SNAPSHOT = 5
const SIGINT = 2
const NICENESS = 10
/** Between two looks at whether there is an interrupt. */
const POLL_MS = 50

const [, , folder = '', memoryBytes = '', dataBytes = '', walls = ''] = process.argv
/** Walls that a test has taken away. */
const without = new Set(walls.split(','))
// `process.exit` looks things up on objects that will be gone.
const exit = (process as unknown as { reallyExit (code: number): never }).reallyExit.bind(process)

function writeAll (fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(fd, bytes, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') exit(0)
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

const send = (reply: object): void => writeAll(REPLIES, Buffer.from(JSON.stringify(reply) + '\n'))

// Where the server has work too, it goes first. Python in bubblewrap does the same.
os.setPriority(NICENESS)
boundMemory(Number(memoryBytes))
// Emscripten asks for the constants of fs, where the permission model refuses all bindings.
Object.assign(process, { binding: (name: string) => name === 'constants' ? { fs: fs.constants } : {} })
const snapshot = new Uint8Array(fs.fstatSync(SNAPSHOT).size)
// By position: other processes read the same open file.
for (let at = 0; at < snapshot.length;) at += fs.readSync(SNAPSHOT, snapshot, at, snapshot.length - at, at)
fs.closeSync(SNAPSHOT)
const { loadPyodide } = await import(`${folder}/pyodide.mjs`) as PyodideModule
const py = await loadPyodide({
  indexURL: `${folder}/`,
  // What Python would reach as the module js: nothing, and without a prototype that leads anywhere.
  jsglobals: without.has('bridge') ? globalThis : Object.freeze(Object.create(null) as object),
  env: { HOME: '/tmp', LANG: 'C.UTF-8', MPLBACKEND: 'module://sandbox_backend' },
  ...snapshot.length === 0 ? {} : { _loadSnapshot: snapshot }
})
// Wheels that the operator has put into the folder. The names are those of Pyodide's own lock file, which has their digests.
const packages = preparedPackages(folder).map(({ name }) => name)
const ignore = (): void => {}
if (packages.length > 0) await py.loadPackage(packages, { messageCallback: ignore, errorCallback: ignore })
boundFiles(py.FS, Number(dataBytes))
py.FS.mkdirTree('/mnt/data')
const print = (bytes: Uint8Array): number => {
  writeAll(1, bytes)
  return bytes.length
}
py.setStdout({ write: print })
py.setStderr({ write: print })
py.setStdin({ error: true })
// Replies go through a device, so that Python needs no JavaScript object for them.
const device = py.FS.makedev(64, 0)
py.FS.registerDevice(device, { open () {}, write: (_stream, buffer, offset, length) => { writeAll(REPLIES, buffer.slice(offset, offset + length)); return length } })
py.FS.mkdev('/dev/host', device)

// Makes the descriptor non-blocking. It is read in between Python's instructions, where no event arrives.
const interrupts = new net.Socket({ fd: INTERRUPTS })
interrupts.pause()
let lookedAt = 0
const byte = new Uint8Array(1)
function isInterrupted (): boolean {
  const now = performance.now()
  if (now - lookedAt < POLL_MS) return false
  lookedAt = now
  let found = false
  try {
    for (;;) {
      // The other end is closed: nobody is there any more.
      if (fs.readSync(INTERRUPTS, byte) === 0) exit(0)
      found = true
    }
  } catch {
    return found
  }
}
py.setInterruptBuffer({ get 0 () { return isInterrupted() ? SIGINT : 0 }, set 0 (_value: number) {} })

const scope = py.globals.get('dict')()
py.runPython(String.raw`
import os, sys, json, random, signal
# All sessions begin with the memory of one.
random.seed()
os.environ.update({'HOME': '/tmp', 'LANG': 'C.UTF-8', 'MPLBACKEND': 'module://sandbox_backend'})
_host = os.open('/dev/host', os.O_WRONLY)
sys.stdout.reconfigure(line_buffering=True)
def write(data):
    while data:
        data = data[os.write(1, data):]
def send(reply):
    data = json.dumps(reply).encode() + b'\n'
    while data:
        data = data[os.write(_host, data):]
${CELLS}
def handle(line):
    request = json.loads(line)
    if request['op'] != 'exec':
        send(answer(request))
        return
    before = scan()
    Cell.mark = request['mark'].encode()
    status, interrupted = attempt(request['code'])
    signal.signal(signal.SIGINT, on_interrupt)
    flush()
    mark(b's')
    send({'type': 'done', 'status': status, 'interrupted': interrupted, 'files': changed_since(before)})
    mark(b'e')
os.chdir(DATA)
signal.signal(signal.SIGINT, on_interrupt)
`, { globals: scope })
if (!without.has('bridge')) removeBridge(py, scope)
const handle = scope.get('handle')
const version = String(py.runPython('import sys\nsys.version.split()[0]'))
if (!without.has('lock-down')) lockDown()

let pending = ''
const requests = new net.Socket({ fd: REPLIES, readable: true, writable: false })
requests.setEncoding('utf8')
requests.on('data', (chunk: string) => {
  pending += chunk
  for (let end = pending.indexOf('\n'); end !== -1; end = pending.indexOf('\n')) {
    const line = pending.slice(0, end)
    pending = pending.slice(end + 1)
    // What was meant for the call before is over.
    lookedAt = 0
    isInterrupted()
    try {
      handle(line)
    } catch {
      // Python itself has failed (a fatal error, an interrupt between two cells): there is nothing to go on with.
      exit(1)
    }
  }
})
requests.on('close', () => exit(0))
send({ type: 'ready', python: version })
