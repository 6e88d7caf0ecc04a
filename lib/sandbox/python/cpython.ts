import { CELLS } from './cells.js'

/** The runner whose requests come on one file descriptor, and whose replies go to one. They are the last that stay open. */
const runner = (requests: number, replies: number): string => String.raw`
import os, sys, json, resource, signal
# What this server has inherited, and not closed, is none of theirs.
os.closerange(${Math.max(requests, replies) + 1}, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 20))
os.nice(10)
for _name, _value in json.loads(sys.argv[1]).items():
    resource.setrlimit(getattr(resource, 'RLIMIT_' + _name), (_value, _value))
sys.argv[:] = ['']
os.dup2(1, 2)
sys.stdout.reconfigure(line_buffering=True)
_pid = os.getpid()
_out = os.dup(1)
_pending = b''

def write(data):
    while data:
        data = data[os.write(_out, data):]

def send(reply):
    data = json.dumps(reply).encode() + b'\n'
    while data:
        data = data[os.write(${replies}, data):]

def receive():
    global _pending
    while b'\n' not in _pending:
        part = os.read(${requests}, 1 << 20)
        if not part:
            os._exit(0)
        _pending += part
    line, _pending = _pending.split(b'\n', 1)
    return json.loads(line)
` + CELLS + String.raw`
def execute(request):
    before = scan()
    Cell.mark = request['mark'].encode()
    status, interrupted = attempt(request['code'])
    # A fork that has come back here is no runner.
    if os.getpid() != _pid:
        os._exit(0)
    signal.signal(signal.SIGINT, on_interrupt)
    flush()
    mark(b's')
    send({'type': 'done', 'status': status, 'interrupted': interrupted, 'files': changed_since(before)})
    mark(b'e')

os.chdir(DATA)
signal.signal(signal.SIGINT, on_interrupt)
send({'type': 'ready', 'python': sys.version.split()[0]})
while True:
    request = receive()
    if request['op'] == 'exec':
        execute(request)
    else:
        send(answer(request))
`

/**
 * What CPython is started with (`python3 -c`): limits from the first argument, replies on file descriptor 3, which requests come from,
 * too, and output on 1. Nothing of it is a wall: those are outside.
 */
export const CPYTHON = runner(3, 3)

/** The same where there is nothing but the three streams of every process: requests on standard input, replies on standard error. */
export const remotePython = (): string => `import os
os.dup2(0, 3)
os.dup2(2, 4)
os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
${runner(3, 4)}`
