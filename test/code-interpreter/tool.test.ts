import { test } from 'tap'
import { builtInToolSuite } from '../../lib/conformance/built-in-tool.js'
import { resolveCodeInterpreter } from '../../lib/options/code-interpreter.js'
import { silentLogger } from '../../lib/shared/log.js'
import { systemClock } from '../../lib/shared/clock.js'
import { codeIn, CodeReader } from '../../lib/tools/code-interpreter/arguments.js'
import { CodeInterpreterTool } from '../../lib/tools/code-interpreter/code-interpreter.js'
import { Interpreter } from '../../lib/tools/code-interpreter/interpreter.js'
import { LinkAnnotator } from '../../lib/tools/code-interpreter/links.js'
import { ThreadManager } from '../../lib/threads/manager.js'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { text } from '../helpers/upstream-replies.js'
import { ScriptedSandbox } from './helpers/scripted-sandbox.js'
import { callsIn, python, somePlaces, toolOutputs, whatIsIn } from './helpers/coder.js'

for (const { name, skip, option } of await somePlaces()) {
  builtInToolSuite({
    test: async (title: string, body: any) => await test(`${name}: ${title}`, { skip }, body),
    factory: async t => {
      const manager = new ThreadManager()
      await Promise.all([manager.scope.records.connect(), manager.blobs.connect()])
      const interpreter = new Interpreter({ settings: resolveCodeInterpreter(option)!, records: manager.scope.records, files: () => manager.files, clock: systemClock, log: silentLogger })
      t.teardown(async () => await interpreter.close())
      return {
        tool: new CodeInterpreterTool(interpreter),
        param: { type: 'code_interpreter' },
        arguments: JSON.stringify({ code: 'print("a")\nopen("b c.txt", "w").write("x")' }),
        annotated: 'See [it](sandbox:/mnt/data/b%20c.txt), sand, sandbox:/mnt/data/none.txt and `sandbox:/mnt/data/b%20c.txt`. Or sandbox:/mnt/data/b%20c.txt.'
      }
    }
  })
}

const CODE = 'print("a\\tb", \'é\\u{1f600}\')\n"\\\\"'
const WRITTEN: [string, string, string][] = [
  ['the code alone', JSON.stringify({ code: CODE }), CODE],
  ['with space around it', JSON.stringify({ code: CODE }, null, 2), CODE],
  ['other keys first', JSON.stringify({ language: 'python', options: { a: [1, { code: 'no' }], b: '}"]' }, n: 1, code: CODE }), CODE],
  ['other keys behind', JSON.stringify({ code: CODE, more: 'x' }), CODE],
  ['escaped beyond need', '{"code":"\\u0061\\/\\ud83d\\ude00"}', 'a/😀'],
  ['no JSON', 'print(1)\n{"code": 2}', 'print(1)\n{"code": 2}'],
  ['cut off', '{"code":"print(1', 'print(1'],
  ['no code', '{"other":"print(1)"}', ''],
  ['code that is no text', '{"code":[1,2],"x":"y"}', ''],
  ['nothing', '', '']
]

for (const [name, written, code] of WRITTEN) {
  test(`code is read from arguments: ${name}`, async t => {
    t.equal(codeIn(written), code)
    for (const size of [1, 2, 7]) {
      const reader = new CodeReader()
      let read = ''
      for (let at = 0; at < written.length; at += size) read += reader.push(written.slice(at, at + size))
      t.equal(read, code, `in pieces of ${size}`)
    }
  })
}

test('a link comes in one piece with its annotation, whatever stands around it', async t => {
  const annotator = new LinkAnnotator(path => path === 'a.csv' ? 'file-a' : undefined)
  const pieces = ['Is', ' sandy: sand', 'box:/mnt/da', 'ta/a.c', 'sv, sandbox:/mnt/data/b.csv and sandbox:/mnt/data/a.csv'].flatMap(piece => annotator.push(piece))
  pieces.push(...annotator.end())
  t.equal(pieces.map(({ value }) => value).join(''), 'Is sandy: sandbox:/mnt/data/a.csv, sandbox:/mnt/data/b.csv and sandbox:/mnt/data/a.csv')
  t.strictSame(pieces.flatMap(({ value, annotations }) => annotations.map(found => [value, found.start_index, found.end_index])),
    [['sandbox:/mnt/data/a.csv', 0, 23], ['sandbox:/mnt/data/a.csv', 0, 23]])
  t.strictSame(new LinkAnnotator(() => 'file-x').push(`sandbox:/mnt/data/${'x'.repeat(2000)}`).map(({ value }) => value.length), [2018], 'what never ends is not held back for ever')
})

test('on a server that has no sandbox the call says so, and the model goes on', async t => {
  const server = await startServer(t, { codeInterpreter: { backend: 'bubblewrap', bubblewrap: { bwrap: '/missing/bwrap' } }, script: [python('1'), text('I cannot.')] })
  const assistant = await newAssistant(server, { tools: [{ type: 'code_interpreter' }] })
  const thread = await newThread(server, 'Calculate!')
  // The test's watch adds its deltas up.
  const run = (await (await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).all()).at(-2)!.data
  t.equal(run.status, 'completed')
  t.match(toolOutputs(server), [/^No code was run/])
  t.match(callsIn((await whatIsIn(server, run)).steps[0]), [{ code_interpreter: { outputs: [{ type: 'logs', logs: /^No code was run/ }] } }])
})

test('a project that may have no more files reads so in the output, and its run goes on', async t => {
  const sandbox = new ScriptedSandbox()
  const png = Buffer.from('no picture')
  sandbox.events = [{ type: 'image', png }, { type: 'image', png }, { type: 'text', text: 'end' }, { type: 'done', status: 'ok', files: [{ path: 'a.csv', bytes: 1 }] }]
  const server = await startServer(t, { codeInterpreter: { backend: sandbox }, quotas: { files: 1 }, script: [python('plot()'), text('There.')] })
  const assistant = await newAssistant(server, { tools: [{ type: 'code_interpreter' }] })
  const thread = await newThread(server, 'Draw!')
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'completed')
  const [call] = callsIn((await whatIsIn(server, run)).steps[0])
  t.match(call.code_interpreter.outputs, [{ type: 'image' }, { type: 'logs', logs: /^\[An image could not be saved: .*files.*\]end$/s }])
  t.match(toolOutputs(server), [/The file a\.csv could not be saved: .*files/])
  t.equal((await server.get('/files')).body.data.length, 1, 'nothing half-written')
})

test('with the option off the model is not offered the tool', async t => {
  const server = await startServer(t, { codeInterpreter: 'off', script: [text('Hello.')] })
  const assistant = await newAssistant(server, { tools: [{ type: 'code_interpreter' }] })
  const thread = await newThread(server, 'Calculate!')
  await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal((server.upstream.chats[0]!.body as any).tools, undefined)
})

test('bad options are refused by name', async t => {
  const refused = (option: unknown, message: RegExp) => t.throws(() => resolveCodeInterpreter(option as never), { name: 'TypeError', message })
  refused('on', /codeInterpreter.*'auto', 'off'/)
  refused({ backend: 'docker' }, /codeInterpreter\.backend.*docker/)
  refused({ sandbox: 'x' }, /codeInterpreter\.sandbox/)
  refused({ bubblewrap: { without: new Set(['filter']) } }, /codeInterpreter\.bubblewrap\.without/)
  refused({ pyodide: { without: ['bridge'] } }, /codeInterpreter\.pyodide\.without/)
  refused({ limits: { seconds: 1 } }, /codeInterpreter\.limits\.seconds/)
  refused({ limits: { callMs: -1 } }, /codeInterpreter\.limits\.callMs/)
  for (const timeoutMs of [1000, 15_500, 90_000_000, '60000']) refused({ backend: 'e2b', e2b: { timeoutMs } }, /codeInterpreter\.e2b\.timeoutMs/)
  t.equal(resolveCodeInterpreter('off'), undefined)
  t.match(resolveCodeInterpreter({ limits: { callMs: 5, dataBytes: 6 } }), { limits: { callMs: 5 }, sandboxLimits: { dataBytes: 6 } })
})
