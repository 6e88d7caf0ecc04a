import { test, type Test } from 'tap'
import { sandboxSuite } from '../../lib/conformance/sandbox.js'
import { E2bSandbox } from '../../lib/sandbox/e2b/e2b.js'
import { e2bSkip as skip, KEY, startE2b } from './helpers/e2b-stand-in.js'
import { startSession, textOf } from './helpers/sessions.js'

test('without a key, with a wrong one, or out of reach, the check says what to do', { skip }, async t => {
  const { options } = await startE2b(t)
  t.match(await new E2bSandbox({}).check(), { ok: false, reason: /codeInterpreter\.e2b\.apiKey/ })
  t.match(await new E2bSandbox({ ...options, apiKey: 'e2b_wrong' }).check(), { ok: false, reason: /refuses the key/ })
  t.match(await new E2bSandbox({ ...options, template: 'missing' }).check(), { ok: false, reason: /404: template 'missing' not found/ })
  const unreachable = await new E2bSandbox({ ...options, apiUrl: 'http://127.0.0.1:9' }).check()
  t.match(unreachable, { ok: false, reason: /127\.0\.0\.1:9 cannot be reached/ })
  t.notMatch(JSON.stringify(unreachable), KEY)
  t.match(await new E2bSandbox({ ...options, user: 'no-such-user' }).check(), { ok: false, reason: /did not start/ })
})

test('each session is a sandbox, which ends with it', { skip }, async t => {
  const { options, alive, timeouts } = await startE2b(t)
  const sandbox = new E2bSandbox({ ...options, timeoutMs: 60_000 })
  const [one, two] = [await startSession(t, sandbox), await startSession(t, sandbox)]
  t.equal(alive.size, 2)
  t.strictSame(timeouts, [60, 60], 'one that this server no longer renews ends by itself')
  t.equal(await textOf(one, 'import os\nos.getuid() != 0'), 'True\n', 'as the user that the option names')
  await one.stop()
  t.equal(alive.size, 1)
  await sandbox.close()
  t.equal(alive.size, 0)
  t.ok(two.hasEnded)
})

test('a sandbox that the service takes away ends its session, and the next one is another', { skip }, async t => {
  const { options, alive, take } = await startE2b(t)
  const sandbox = new E2bSandbox(options)
  t.teardown(async () => await sandbox.close())
  const session = await startSession(t, sandbox)
  const call = textOf(session, 'print("begun", flush=True)\nimport time\ntime.sleep(60)')
  for (const id of alive) take(id)
  t.match(await call, /died: /)
  t.ok(session.hasEnded)
  t.equal(await textOf(await startSession(t, sandbox), '6 * 7'), '42\n')
})

test('a sandbox is renewed while its session lasts, also after renewals that the service could not answer', { skip }, async t => {
  const { options, timeouts, failRenewals, asked } = await startE2b(t)
  const sandbox = new E2bSandbox({ ...options, timeoutMs: 2000 })
  t.teardown(async () => await sandbox.close())
  const session = await startSession(t, sandbox)
  failRenewals(2)
  const before = timeouts.length
  await asked(4)
  t.strictSame(timeouts.slice(before), [2, 2], 'renewed twice after two failures')
  t.equal(await textOf(session, '6 * 7'), '42\n')
})

test('a sandbox that could not be renewed for as long as it lives ends its session, with the reason', { skip }, async t => {
  const { options, failRenewals, asked } = await startE2b(t)
  const sandbox = new E2bSandbox({ ...options, timeoutMs: 1000 })
  t.teardown(async () => await sandbox.close())
  const session = await startSession(t, sandbox)
  failRenewals(1000)
  await asked(4)
  t.notOk(session.hasEnded)
  t.match(await session.ended, /answered 503: try again/)
})

test('E2B', { skip }, async t => {
  const { options } = await startE2b(t)
  const sandbox = new E2bSandbox(options)
  sandboxSuite({ test: async (name: string, body: (t: Test) => Promise<void>) => await t.test(name, body), sandbox })
})
