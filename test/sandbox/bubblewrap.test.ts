import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { sandboxSuite } from '../../lib/conformance/sandbox.js'
import { BubblewrapSandbox } from '../../lib/sandbox/bubblewrap/bubblewrap.js'
import { explain } from '../../lib/sandbox/bubblewrap/explain.js'
import { canFilter, seccompFilter } from '../../lib/sandbox/bubblewrap/seccomp.js'
import { built } from '../helpers/paths.js'
import { bubblewrapSkip, pythonLacks } from './helpers/available.js'
import { nicenessBelow } from './helpers/priorities.js'
import { startSession, textOf } from './helpers/sessions.js'

const skip = await bubblewrapSkip()
const sandbox = new BubblewrapSandbox()

sandboxSuite({
  test: async (name: string, body: (t: Test) => Promise<void>) => await test(`bubblewrap: ${name}`, { skip }, body),
  sandbox
})

test('the first figure of pyplot and each one that is shown is an image', { skip: skip || await pythonLacks(['matplotlib']) }, async t => {
  const session = await startSession(t, sandbox)
  const kinds: string[] = []
  for await (const event of session.execute('import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint("between")\nplt.bar([1], [2])', { timeoutMs: 60_000, signal: new AbortController().signal })) {
    if (event.type === 'image') t.equal(event.png.subarray(1, 4).toString(), 'PNG')
    kinds.push(event.type)
  }
  t.strictSame(kinds, ['image', 'text', 'image', 'done'])
})

test('what matplotlib says of its first start, where that takes long, is not taken for output of the code', { skip }, async t => {
  const session = await startSession(t, sandbox)
  // As its timer does after five seconds.
  t.equal(await textOf(session, 'import logging\nlog = logging.getLogger("matplotlib.font_manager")\nlog.warning("Matplotlib is building the font cache; this may take a moment.")\nlog.warning("findfont: Font family not found.")'), 'findfont: Font family not found.\n')
})

test('code that was interrupted keeps its session, however long the look at its files takes then', { skip }, async t => {
  const session = await startSession(t, sandbox)
  // The first look is before the code.
  t.equal(await textOf(session, 'import os, time\nreal, looks = os.scandir, []\ndef scandir(path):\n    looks.append(path)\n    if len(looks) == 3: time.sleep(6)\n    return real(path)\nos.scandir = scandir'), '')
  t.match(await textOf(session, 'while True: pass', 50), /KeyboardInterrupt\n$/)
  t.equal(await textOf(session, 'len(looks)'), '4\n')
})

test('pandas reads a file that was put there', { skip: skip || await pythonLacks(['pandas']) }, async t => {
  const session = await startSession(t, sandbox)
  await session.put('data.csv', (async function * () { yield Buffer.from('x,y\n1,2\n3,4\n') })())
  t.match(await textOf(session, 'import pandas as pd\nframe = pd.read_csv("data.csv")\nframe.sum()', 60_000), /x +4\ny +6\n/)
})

test('where code and the server both have work, the server goes first', { skip }, async t => {
  await startSession(t, sandbox)
  let all = nicenessBelow()
  while (all.some(({ group }) => group === 0)) {
    await new Promise(resolve => setImmediate(resolve))
    all = nicenessBelow()
  }
  t.ok(all.length > 0 && all.every(({ niceness }) => niceness >= 10), JSON.stringify(all))
})

test('file descriptors that this process has inherited do not reach the code', { skip }, async t => {
  const fd = openSync('/etc/hostname', 'r')
  t.teardown(() => closeSync(fd))
  // As a service manager or a shell hands them down: open across exec.
  const inherited = Array.from({ length: 12 }, () => fd)
  const child = spawn(process.execPath, [join(built, 'test/sandbox/helpers/descriptors.js')], { stdio: ['ignore', 'pipe', 'inherit', ...inherited] })
  t.equal(await text(child.stdout!), '0 1 2 3 4 5\n', 'input, output, errors, requests, output again, and the list itself')
})

test('lines of IPython run or are left out, and await is understood', { skip }, async t => {
  const session = await startSession(t, sandbox)
  t.equal(await textOf(session, '%matplotlib inline\n!echo $((6 * 7))'), '42\n')
  t.equal(await textOf(session, 'import asyncio\nasync def f(): return 7\nawait f()'), '7\n')
  t.match(await textOf(session, 'x = !'), /SyntaxError/)
})

test('errors of bubblewrap are told with what to do', async t => {
  t.match(explain('bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user namespaces.'), /unprivileged_userns_clone/)
  t.match(explain('bwrap: setting up uid map: Permission denied'), /AppArmor/)
  t.match(explain('bwrap: Can\'t mount proc on /newroot/proc: Operation not permitted'), /systempaths/)
  t.equal(explain('bwrap: something new'), 'bwrap: something new')
})

test('what cannot work is said in a sentence, without a start', { skip: process.platform !== 'linux' && 'Linux only' }, async t => {
  t.match(await new BubblewrapSandbox({ bwrap: '/missing/bwrap' }).check(), { ok: false, reason: /apt-get install bubblewrap/ })
  t.match(await new BubblewrapSandbox({ bwrap: '/bin/sh', python: '/missing/python' }).check(), { ok: false, reason: /apt-get install python3/ })
  t.match(await new BubblewrapSandbox({ bwrap: '/bin/false', python: '/bin/sh' }).check(), { ok: false, reason: /bubblewrap does not work here/ })
})

test('there is a filter for the processors of servers, and none for others', async t => {
  for (const arch of ['x64', 'arm64']) t.ok(canFilter(arch) && seccompFilter(arch).length % 8 === 0)
  t.notOk(canFilter('mips'))
  t.throws(() => seccompFilter('mips'), { message: /mips/ })
})
