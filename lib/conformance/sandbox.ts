import type { DefineTest, SuiteTest } from '../../storage/conformance/runner.js'
import { DEFAULT_SANDBOX_LIMITS, type Sandbox, type SandboxEvent, type SandboxLimits, type SandboxSession } from '../sandbox/sandbox.js'

export interface SandboxSuite {
  test: DefineTest
  /** A sandbox for all tests. Closed by whoever made it. */
  sandbox: Sandbox
}

/** What a call came to. */
interface Outcome {
  text: string
  images: Buffer[]
  /** `text` and `image`, in their order, neighbours of one kind taken together. */
  order: string[]
  done: SandboxEvent & { type: 'done' }
}

/** The smallest PNG, as code that draws nothing can make it. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const SHOW = `import base64\nclass Picture:\n    def _repr_png_(self): return base64.b64decode('${PIXEL}')\n`
const TIMEOUT_MS = 30_000

/** Everything that the code interpreter relies on in a sandbox, as tests. */
export function sandboxSuite ({ test, sandbox }: SandboxSuite): void {
  const never = (): AbortSignal => new AbortController().signal
  const start = async (t: SuiteTest, limits: Partial<SandboxLimits> = {}): Promise<SandboxSession> => {
    const session = await sandbox.start({ limits: { ...DEFAULT_SANDBOX_LIMITS, ...limits }, signal: never() })
    t.teardown(async () => await session.stop())
    return session
  }

  test('its self-test passes', async t => {
    t.match(await sandbox.check(), { ok: true, python: /^3\.\d+/, packages: Array })
  })

  test('what code prints and the value of its last expression come as one text', async t => {
    const session = await start(t)
    t.match(session.python, /^3\.\d+/)
    t.match(await execute(session, 'import sys\nprint("out")\nprint("err", file=sys.stderr)\n6 * 7'), { text: 'out\nerr\n42\n', done: { status: 'ok', files: { length: 0 } } })
    t.equal((await execute(session, '"café ☕ 𝒳"')).text, "'café ☕ 𝒳'\n")
    t.equal((await execute(session, '1;')).text, '', 'not behind a semicolon')
    t.equal((await execute(session, 'None')).text, '')
    t.equal((await execute(session, '')).text, '')
    t.equal((await execute(session, '{"b": [1, 2], "a": "x" * 90}')).text, `{'b': [1, 2],\n 'a': '${'x'.repeat(90)}'}\n`, 'in the order of its keys, strings whole')
  })

  test('text arrives while code runs', async t => {
    const session = await start(t)
    const call = session.execute('print("first", flush=True)\nwhile True: pass', { timeoutMs: TIMEOUT_MS, signal: never() })
    t.strictSame((await call.next()).value, { type: 'text', text: 'first\n' })
    await call.return()
    t.equal((await execute(session, '1 + 1')).text, '2\n', 'and who leaves early has it stopped')
  })

  test('variables, imports and functions last from call to call', async t => {
    const session = await start(t)
    await execute(session, 'import math\nnumbers = [1]\ndef double(x): return 2 * x')
    t.equal((await execute(session, 'numbers.append(double(2))\nnumbers, math.floor(2.5)')).text, '([1, 4], 2)\n')
    t.equal((await execute(await start(t), '"numbers" in globals()')).text, 'False\n', 'in one session only')
  })

  test('an error is a traceback of the code\'s own lines, and the session goes on', async t => {
    const session = await start(t)
    const { text, done } = await execute(session, 'kept = 1\ndef f():\n    return 1 / 0\nf()')
    t.match(text, /^Traceback \(most recent call last\):\n {2}File "<cell 1>", line 4, in <module>[^]*line 3, in f[^]*ZeroDivisionError: division by zero\n$/)
    t.equal(done.status, 'error')
    t.match(await execute(session, 'if'), { text: /SyntaxError/, done: { status: 'error' } })
    t.match(await execute(session, 'input()'), { text: /EOFError|OSError/, done: { status: 'error' } })
    t.match(await execute(session, 'raise SystemExit'), { text: '', done: { status: 'ok' } })
    t.equal((await execute(session, 'kept')).text, '1\n')
  })

  test('images keep their place between texts', async t => {
    const session = await start(t)
    const { images, order, text } = await execute(session, `${SHOW}print('a')\ndisplay(Picture())\nprint('b')\nPicture()`)
    t.strictSame(order, ['text', 'image', 'text', 'image'])
    t.equal(text, 'a\nb\n')
    t.ok(images.every(png => png.toString('base64') === PIXEL))
    t.equal((await execute(session, 'for _ in range(25): display(Picture())')).images.length, 20, 'at most 20 of one call')
  })

  test('code that takes too long is interrupted, and variables are kept', async t => {
    const session = await start(t)
    const { text, done } = await execute(session, 'kept = 1\nprint("begun")\nwhile True: pass', 500)
    t.match(text, /^begun\nTraceback \(most recent call last\):\n {2}File "<cell 1>", line 3, in <module>\n[^]*KeyboardInterrupt\n$/)
    t.notMatch(text, /on_interrupt/, 'of the code alone')
    t.equal(done.status, 'timeout')
    t.equal((await execute(session, 'kept')).text, '1\n')
  })

  test('code that does not let itself be interrupted ends with its session', async t => {
    const session = await start(t)
    const { done } = await execute(session, 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass', 300)
    t.match(done, { status: 'died', detail: /its time was up/ })
    t.match(await session.ended, /its time was up/)
    t.ok(session.hasEnded)
    t.match(await execute(session, '1'), { done: { status: 'died' } }, 'later calls say so')
    await t.rejects(session.put('a', from('a')), { name: 'SandboxError' })
  })

  test('an aborted call throws the reason at once, and the next one finds the session at rest', async t => {
    const session = await start(t)
    await execute(session, 'kept = 1')
    const controller = new AbortController()
    const reason = new Error('cancelled')
    const call = session.execute('print("begun", flush=True)\nwhile True: pass', { timeoutMs: TIMEOUT_MS, signal: controller.signal })
    t.match(await call.next(), { value: { type: 'text', text: 'begun\n' } })
    controller.abort(reason)
    await t.rejects(call.next(), reason)
    t.equal((await execute(session, 'kept')).text, '1\n')
    await t.rejects(session.execute('kept = 2', { timeoutMs: TIMEOUT_MS, signal: AbortSignal.abort(reason) }).next(), reason)
    t.equal((await execute(session, 'kept')).text, '1\n')
  })

  test('calls of one session run one after the other', async t => {
    const session = await start(t)
    const texts = await Promise.all([1, 2, 3].map(async i => (await execute(session, `n = globals().get("n", 0) + 1\nprint(n, ${i})`)).text))
    t.strictSame(texts, ['1 1\n', '2 2\n', '3 3\n'])
  })

  test('files go in and come out, and a call tells which ones it has written', async t => {
    const session = await start(t)
    const large = Buffer.alloc(2_000_000, 'file content ')
    await session.put('in put.csv', from(large.subarray(0, 1_000_001), large.subarray(1_000_001)))
    await session.put('empty', from())
    t.equal((await execute(session, 'import os\nos.getcwd(), os.path.getsize("in put.csv"), os.path.getsize("/mnt/data/empty")')).text, "('/mnt/data', 2000000, 0)\n")
    const { done } = await execute(session, 'os.makedirs("sub/deep")\nopen("sub/deep/ü.txt", "w").write("text")\nopen("in put.csv", "ab").write(b"!")\nos.symlink("/etc/passwd", "link")\nif hasattr(os, "mkfifo"):\n    try: os.mkfifo("pipe")\n    except OSError: pass')
    t.strictSame(done.files, [{ path: 'in put.csv', bytes: 2_000_001 }, { path: 'sub/deep/ü.txt', bytes: 4 }], 'regular files alone')
    t.strictSame((await execute(session, '1')).done.files, [], 'and only what is new')
    t.ok((await read(session.get('in put.csv', 3_000_000))).equals(Buffer.concat([large, Buffer.from('!')])))
    t.equal((await read(session.get('in put.csv', 5))).toString(), 'file ')
    t.equal((await read(session.get('sub/deep/ü.txt', 100))).toString(), 'text')
    for (const path of ['link', 'pipe', 'missing', 'sub']) await t.rejects(read(session.get(path, 10)), { name: 'SandboxError' }, path)
    await session.put('link', from('mine'))
    t.equal((await execute(session, 'open("link").read()')).text, "'mine'\n", 'what is in the way is replaced, not followed')
  })

  test('files can be fetched while the last event of a call is looked at', async t => {
    const session = await start(t)
    for await (const event of session.execute('open("a", "w").write("text")', { timeoutMs: TIMEOUT_MS, signal: never() })) {
      if (event.type === 'done') t.equal((await read(session.get('a', 10))).toString(), 'text')
    }
  })

  test('a file that does not fit is refused, and the session goes on', async t => {
    const session = await start(t, { dataBytes: 1024 ** 2 })
    await t.rejects(session.put('large', from(Buffer.alloc(2 * 1024 ** 2))), { name: 'SandboxError' })
    t.equal((await execute(session, '1')).text, '1\n')
  })

  test('code that prints without end is stopped, however slowly it is read', async t => {
    const session = await start(t, { outputBytes: 4 * 1024 ** 2 })
    const { done, text } = await execute(session, 'while True: print("x" * 10000)')
    t.match(done, { status: 'died', detail: /output/ })
    t.ok(text.length <= 4 * 1024 ** 2)
  })

  test('code that wants too much memory gets an error or ends with its session', async t => {
    const session = await start(t, { memoryBytes: 1024 ** 3 })
    const { done, text } = await execute(session, 'hoard = []\nwhile True: hoard.append(bytearray(50_000_000))')
    t.ok(done.status === 'died' ? /memory/.test(done.detail ?? '') : /MemoryError/.test(text), `${done.status} ${done.detail} ${text.slice(-100)}`)
  })

  test('replies that code forges end its session, or nothing comes of them', async t => {
    const session = await start(t)
    const forge = (line: string): string => `import os\nfor fd in range(3, 20):\n    try: os.write(fd, ${line})\n    except OSError: pass\nprint("end")`
    for (const line of ['b"not json\\n"', 'b\'{"type":"image","png":"AAAA"}\\n\' * 100', 'b"{" * 20000000', 'b\'{"type":"done","status":"ok","files":[["../../etc/passwd",1]]}\\n\'']) {
      const fresh = await start(t)
      const { done } = await execute(fresh, forge(line))
      t.strictSame(done.files.filter(file => file.path.includes('..')), [], line)
    }
    t.equal((await execute(session, '1')).text, '1\n', 'other sessions go on')
  })

  test('a session that is stopped ends its call, and all sessions end with the sandbox\'s own', async t => {
    const session = await start(t)
    const call = execute(session, 'print("begun")\nwhile True: pass')
    await session.stop()
    t.match(await call, { done: { status: 'died' } })
    t.ok(session.hasEnded)
    await session.stop()
  })

  test('a start that is given up leaves nothing', async t => {
    const reason = new Error('given up')
    await t.rejects(sandbox.start({ limits: DEFAULT_SANDBOX_LIMITS, signal: AbortSignal.abort(reason) }), reason)
  })
}

async function execute (session: SandboxSession, code: string, timeoutMs = TIMEOUT_MS): Promise<Outcome> {
  const outcome: Omit<Outcome, 'done'> & { done?: Outcome['done'] } = { text: '', images: [], order: [] }
  for await (const event of session.execute(code, { timeoutMs, signal: new AbortController().signal })) {
    if (event.type === 'done') outcome.done = event
    else if (outcome.order.at(-1) !== event.type || event.type === 'image') outcome.order.push(event.type)
    if (event.type === 'text') outcome.text += event.text
    if (event.type === 'image') outcome.images.push(event.png)
  }
  if (outcome.done === undefined) throw new Error('the call has no end')
  return outcome as Outcome
}

async function * from (...pieces: (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

async function read (pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}
