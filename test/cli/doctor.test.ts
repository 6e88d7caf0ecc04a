import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'
import { test, type Test } from 'tap'
import { activeRunsOf, KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { SqliteRecordStore } from '../../storage/sqlite/store.js'
import { startProcess, type Exit } from '../helpers/process.js'
import { built } from '../helpers/paths.js'
import { Gate, startUpstream, text, toolCalls, type Upstream } from '../helpers/upstream.js'
import { restingRun, startCore, startRun, told, type TestCore } from '../runs/helpers/core.js'

const ask = { type: 'function' as const, function: { name: 'ask', parameters: { type: 'object', properties: {} } } }

interface Place {
  cwd: string
  upstream: Upstream
  /** Opens the service on the store. */
  open (): Promise<TestCore>
  /** Takes the last character of a record's body away. */
  damage (kind: string, id: string): void
  doctor (...args: string[]): Promise<Exit>
}

async function place (t: Test, config: object = {}): Promise<Place> {
  const upstream = await startUpstream(t)
  const cwd = t.testdir({ 'openai-compat.config.json': JSON.stringify({ codeInterpreter: 'off', ...config }) })
  const path = join(cwd, 'records.db')
  const open = async (): Promise<TestCore> => {
    const storage = new SqliteRecordStore({ path })
    const core = await startCore(t, { storage, upstream })
    const stop = core.core.stop.bind(core.core)
    core.core.stop = async () => {
      await stop()
      await storage.disconnect()
    }
    return core
  }
  return {
    cwd,
    upstream,
    open,
    damage (kind, id) {
      const database = new Libsql(path)
      const { changes } = database.prepare('UPDATE records SET body = substr(body, 1, length(body) - 1) WHERE kind = ? AND id = ?').run(kind, id)
      database.close()
      if (changes !== 1) throw new Error(`there is no ${kind} ${id}`)
    },
    doctor: async (...args) => await startProcess(t, process.execPath, {
      args: [join(built, 'lib/cli.js'), 'doctor', '--storage', `sqlite:${path}`, '--base-url', upstream.url, ...args], cwd, env: { OLLAMA_BASE_URL: 'http://127.0.0.1:9/v1' }
    }).exited
  }
}

test('a server with which nothing is wrong', async t => {
  const { open, doctor } = await place(t)
  const core = await open()
  await core.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  await core.core.stop()
  const { code, stdout, stderr } = await doctor()
  t.equal(stderr, '')
  t.strictSame(stdout.split('\n').filter(line => !line.startsWith('ok ') && line !== ''), [])
  for (const line of [/^ok {7}config .*openai-compat\.config\.json is right\.$/m, /^ok {7}storage {5}sqlite:\S+ can be read and written\.$/m, /^ok {7}clock {7}The clock of this machine counts: it is \d{4}-\d\d-\d\dT\S+Z\.$/m, /^ok {7}records {5}\d+ records can be read\.$/m,
    /^ok {7}keys {8}There are no keys, and only this machine can call\.$/m, /^ok {7}models {6}The provider "openai" answers and lists 1 model\.$/m, /^ok {7}embeddings {2}There is no embedding model/m, /^ok {7}sandbox {5}The code interpreter is turned off\.$/m]) {
    t.match(stdout, line)
  }
  t.equal(code, 0)
})

test('what is wrong is found, each by itself', async t => {
  const { cwd, doctor } = await place(t, { host: '0.0.0.0', apiKeys: {}, defaultModel: 'gpt-9', retrieval: { embeddings: { model: 'none/such' } } })
  chmodSync(join(cwd, 'openai-compat.config.json'), 0o644)
  const { code, stdout } = await doctor('--base-url', 'http://127.0.0.1:9/v1', '--upstream-key', 'sk-x')
  t.equal(code, 1)
  t.match(stdout, /^problem {2}keys .*everybody who reaches 0\.0\.0\.0 may call/m)
  t.match(stdout, /^problem {2}models .*"openai" does not answer/m)
  t.match(stdout, /^warning {2}models .*does not list the default model gpt-9/m)
  t.match(stdout, /^problem {2}embeddings /m)
  t.match(await doctor('--storage', 'redis://:secret@127.0.0.1:9'), { code: 1, stdout: /^problem {2}storage {5}Redis at 127\.0\.0\.1:9 cannot be used/m })
  t.match(await doctor('--config', 'missing.json'), { code: 1, stdout: /^problem {2}config .*missing\.json/m })
  t.match(await doctor('--api-keys-file', cwd), { code: 1, stdout: `problem  keys        The file of API keys ${cwd} cannot be read: it is a folder.` })
  t.match(await doctor('--repair=yes'), { code: 1, stderr: /'--repair' does not take an argument/ })
})

test('a run that cannot be read is removed, and its thread is free', async t => {
  const { open, damage, doctor, upstream } = await place(t)
  const core = await open()
  upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
  const { run } = await startRun(core, { tools: [ask] })
  t.equal((await restingRun(core, run)).status, 'requires_action')
  await core.core.stop()
  damage(KIND.run, run.id)
  const found = await doctor()
  t.equal(found.code, 1)
  t.match(found.stdout, `The run ${run.id} in ${run.thread_id} of the project "default" is damaged: --repair does what can be done.`)
  const repaired = await doctor('--repair')
  t.match(repaired, { code: 0, stdout: `The run ${run.id} in ${run.thread_id} of the project "default" was damaged: removed, and its thread is free.` })
  t.equal((await doctor()).code, 0)
  const again = await open()
  t.ok(await again.messages.create(run.thread_id, { role: 'user', content: 'Free?' }))
  t.strictSame((await again.runs.list(run.thread_id, {})).data, [])
  t.strictSame(again.logged, [])
  await again.core.stop()
})

test('a run of which a part is lost fails, and its thread is free', async t => {
  const { open, damage, doctor, upstream } = await place(t)
  const core = await open()
  upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]))
  const { run } = await startRun(core, { tools: [ask] })
  await restingRun(core, run)
  const [step] = (await core.runs.listSteps(run.thread_id, run.id, {})).data
  await core.core.stop()
  damage(KIND.step, step!.id)
  t.match(await doctor('--repair'), { code: 0, stdout: `removed; its run ${run.id} has failed, and the thread is free.` })
  const again = await open()
  t.match(await again.runs.get(run.thread_id, run.id), { status: 'failed', last_error: { code: 'server_error', message: 'A part of the run was lost.' } })
  t.ok(await again.messages.create(run.thread_id, { role: 'user', content: 'Free?' }))
  await again.core.stop()
})

test('an entry of the index of active runs is found damaged, and made anew, also where an older version has put it', async t => {
  const { open, damage, doctor, upstream, cwd } = await place(t)
  const core = await open()
  const gate = new Gate()
  upstream.enqueue(text(['Once', gate]), text('Said anew'))
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  await core.core.stop()
  const records = new SqliteRecordStore({ path: join(cwd, 'records.db') })
  await records.connect()
  const entry = await records.get({ ...activeRunsOf(run.id), kind: KIND.activeRun, id: run.id })
  await records.write(activeRunsOf(run.id), [{ op: 'delete', kind: KIND.activeRun, id: run.id }])
  await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }, [{ op: 'put', kind: KIND.activeRun, id: run.id, body: entry!.body }])
  await records.disconnect()
  damage(KIND.activeRun, run.id)
  const { code, stdout } = await doctor('--repair')
  t.match([code, stdout], [0, `active run ${run.id} in active-runs was damaged: made anew: the run goes on in ${run.thread_id}`])
  const again = await open()
  t.equal((await restingRun(again, run)).status, 'completed')
  await again.core.stop()
})

test('leases, locks, entries of indexes and jobs are made anew, messages are taken out, and what only a backup has is named', async t => {
  const { open, damage, doctor, upstream } = await place(t)
  const core = await open()
  const gate = new Gate()
  upstream.enqueue(text(['Once', gate]), text('Said anew'))
  const { run, log } = await startRun(core)
  await told(log, 'thread.message.delta')
  const other = await core.threads.create({ messages: [{ role: 'user', content: 'Lost' }, { role: 'user', content: 'Kept' }] })
  const [, lost] = (await core.messages.list(other.id, {})).data
  const assistant = await core.assistants.create({ model: 'test-model' })
  await core.core.stop()
  damage(KIND.lock, 'run')
  damage(KIND.activeRun, run.id)
  damage(KIND.message, lost!.id)
  damage(KIND.assistant, assistant.id)
  const { code, stdout } = await doctor('--repair')
  t.equal(code, 1, 'the assistant')
  t.match(stdout, new RegExp(`lock run in ${run.thread_id} .*: made anew`))
  t.match(stdout, new RegExp(`active run ${run.id} in active-runs \\d+ was damaged: made anew: the run goes on in ${run.thread_id}`))
  t.match(stdout, new RegExp(`message ${lost!.id} .*: removed from its thread`))
  t.match(stdout, new RegExp(`problem {2}records {5}The assistant ${assistant.id} .*restore it from a backup or an export`))
  const again = await open()
  t.equal((await restingRun(again, run)).status, 'completed')
  t.match((await again.messages.list(other.id, {})).data, [{ content: [{ text: { value: 'Kept' } }] }])
  await again.core.stop()
})
