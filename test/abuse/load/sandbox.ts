import { test } from 'tap'
import { python } from '../../code-interpreter/helpers/coder.js'
import { newAssistant, newThread, type ApiClient } from '../../helpers/server.js'
import { startUpstream } from '../../helpers/upstream.js'
import { text } from '../../helpers/upstream-replies.js'
import { bubblewrapSkip, pyodideSkip } from '../../sandbox/helpers/available.js'
import { startScene } from '../helpers/scene.js'

/** How long a call may run, in milliseconds. */
const CALL_MS = 4000

/** Code that takes what it can get. */
const HOSTILE: Record<string, string> = {
  'a loop that does not end': 'while True:\n    try:\n        while True: pass\n    except BaseException: pass',
  'processes of processes': 'import os\nwhile True:\n    try: os.fork()\n    except OSError: pass',
  threads: 'import threading\ndef spin():\n    while True: pass\nwhile True:\n    try: threading.Thread(target=spin, daemon=True).start()\n    except RuntimeError: pass',
  memory: 'kept = []\nwhile True:\n    try: kept.append(bytearray(8 << 20))\n    except MemoryError: pass',
  'a full disk': 'n = 0\nwhile True:\n    n += 1\n    try: open("/mnt/data/%d" % n, "wb").write(b"x" * (8 << 20))\n    except OSError: pass',
  'many files': 'n = 0\nwhile True:\n    n += 1\n    try: open("/mnt/data/%d" % n, "w").close()\n    except OSError: pass',
  'output without an end': 'while True: print("x" * 10_000)',
  'output in small pieces': 'while True: print("x", flush=True)',
  'large results': '["x" * 1000] * 100_000'
}

async function ended (server: ApiClient, run: { id: string, thread_id: string }): Promise<string> {
  const path = `/threads/${run.thread_id}/runs/${run.id}`
  await (await server.follow(`${path}/stream`)).all()
  return (await server.get(path)).body.status
}

const [bubblewrap, pyodide] = [await bubblewrapSkip(), await pyodideSkip()]
const BACKENDS = { bubblewrap, 'bubblewrap-pyodide': bubblewrap || pyodide, pyodide }

for (const [backend, skip] of Object.entries(BACKENDS)) {
  test(`code in ${backend} that takes what it can get is not noticed by another tenant`, { skip }, async t => {
    // The model runs what it was asked for.
    const upstream = await startUpstream(t, {
      respond: ({ body }) => {
        const { model, messages } = body as { model: string, messages: { role: string, content: string }[] }
        const last = messages.at(-1)!
        return model === 'echo' || last.role === 'tool' ? text('Good morning.') : python(last.content)
      }
    })
    const { attacker, withstands, rss } = await startScene(t, {
      provider: { baseURL: upstream.url, apiKey: 'sk-upstream' }, codeInterpreter: { backend, limits: { callMs: CALL_MS, sessions: 4 } }
    })
    const assistant = await newAssistant(attacker, { model: 'coder', tools: [{ type: 'code_interpreter' }] })
    const begin = async (code: string): Promise<any> => {
      const thread = await newThread(attacker, code)
      return (await attacker.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body
    }
    const run = async (code: string): Promise<string> => await ended(attacker, await begin(code))
    /** Fails where there is no sandbox at all. */
    const calculates = async (when: string): Promise<void> => {
      const calculation = await begin('6 * 7')
      t.equal(await ended(attacker, calculation), 'completed', when)
      const { body: { data } } = await attacker.get(`/threads/${calculation.thread_id}/runs/${calculation.id}/steps?order=asc`)
      t.match(data[0].step_details.tool_calls, [{ code_interpreter: { outputs: [{ logs: '42' }] } }], when)
    }
    await calculates('code runs')
    const statuses = await withstands(`${backend}`, async () => await Promise.all(Object.values(HOSTILE).map(run)))
    t.strictSame(statuses, statuses.map(() => 'completed'), Object.keys(HOSTILE).join(', '))
    await calculates('code runs as before')
    t.ok(await rss() < 640 * 1024 * 1024, `${await rss()} bytes`)
  })
}
