import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'tap'
import type { Frame } from '../helpers/events.js'
import { built } from '../helpers/paths.js'
import { startCommand } from '../helpers/process.js'
import { sdks, type Sdk } from '../helpers/sdk.js'
import { connectTo, newAssistant, newThread, startServer } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'
import { startUpstream, text } from '../helpers/upstream.js'
import { uploaded } from '../vector-stores/helpers/searcher.js'
import { callsIn, python, somePlaces, toolOutputs, whatIsIn } from './helpers/coder.js'
import { ANALYSE, PIXEL } from './helpers/run-tests.js'

const require = createRequire(import.meta.url)
const PACKAGES: Readonly<Record<string, string>> = { 'openai 4': 'openai4', 'openai 5': 'openai5', 'openai 6': 'openai', 'openai 7': 'openai7' }
/** Goes on for ever where the first call has run, and comes to its end in a session that knows nothing of it. */
const HANGS_ONCE = `print("begun")\nif "n" in globals():\n    while True: pass\nprint(open("kept.txt").read())\n${ANALYSE}`

/** The stream class of an SDK reads what its server said before it was killed, and then, joined by the SDK's client, what the next one says. */
async function goneOnWith (sdk: Sdk, before: readonly Frame[], baseURL: string, run: { id: string, thread_id: string }): Promise<any> {
  const { AssistantStream } = require(`${PACKAGES[sdk.name]}/lib/AssistantStream`)
  const client = new (sdk.load().OpenAI)({ baseURL, apiKey: 'sk-test' })
  const after = await client.get(`/threads/${run.thread_id}/runs/${run.id}/stream`, { stream: true }) as unknown as AsyncIterable<Frame>
  async function * lines (): AsyncGenerator<Buffer> {
    const line = ({ event, data }: Frame): Buffer => Buffer.from(`${JSON.stringify({ event, data })}\n`)
    yield * before.map(line)
    for await (const frame of after) yield line(frame)
  }
  return AssistantStream.fromReadableStream(ReadableStream.from(lines()))
}

for (const place of await somePlaces()) {
  for (const store of persistentStores.filter(({ name }) => name !== 'sqlite')) {
    test(`${place.name}: a run whose server leaves within a call is gone on with by another, which makes the call again, on ${store.name}`, { skip: place.skip || await store.skip() }, async t => {
      const storage = store.url(t)
      const upstream = await startUpstream(t, {
        script: [python('open("kept.txt", "w").write("kept")\nn = 1'), python('import time\nprint("begun")\ntime.sleep(1)\nprint(open("kept.txt").read(), "n" in globals())'), text('See sandbox:/mnt/data/kept.txt')]
      })
      const [first, second] = [await startServer(t, { storage, upstream, codeInterpreter: place.option }), await startServer(t, { storage, upstream, codeInterpreter: place.option })]
      const assistant = await newAssistant(first, { tools: [{ type: 'code_interpreter' }] })
      const thread = await newThread(first, 'Calculate!')
      const reader = await first.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
      const run = await reader.until('thread.run.created')
      while (!/begun/.test(JSON.stringify((await reader.until('thread.run.step.delta')).delta)));
      const closing = first.close()
      let status = ''
      while (status !== 'completed') status = (await second.get(`/threads/${thread.id}/runs/${run.id}`)).body.status
      await closing
      const { steps, messages } = await whatIsIn(second, run)
      t.match(callsIn(steps[1])[0].code_interpreter.outputs, [{ type: 'logs', logs: 'begun\nkept False' }], 'in a new session, with the files of the old one')
      t.match(toolOutputs(second), [/^begun\nkept False\n\[The Python session is a new one/])
      t.match(messages.at(-1).content[0].text.annotations, [{ type: 'file_path', text: 'sandbox:/mnt/data/kept.txt' }])
      t.equal(upstream.chats.length, 3, 'the model was asked once for each turn')
    })

    test(`${place.name}: runs whose server is killed within a call are gone on with by another, and told to SDKs from there, on ${store.name}`, { skip: place.skip || await store.skip() }, async t => {
      const storage = store.url(t)
      const upstream = await startUpstream(t)
      upstream.respond(({ body }) => {
        const { messages } = body as { messages: { role: string }[] }
        const answers = [python('n = open("kept.txt", "w").write("kept")'), python(HANGS_ONCE), text(['The total is 30: sand', 'box:/mnt/data/total.csv'])]
        return answers[messages.filter(({ role }) => role === 'tool').length]!
      })
      const { child, ready, exited } = startCommand(t, 'env', {
        args: ['-u', 'NODE_OPTIONS', process.execPath, join(built, 'lib/cli.js'), '--port', '0', '--storage', storage, '--base-url', upstream.url, '--code-interpreter', place.name],
        env: { RUN_LEASE_MS: '2000' }
      })
      const first = connectTo(t, await ready)
      const second = await startServer(t, { storage, upstream, codeInterpreter: place.option, limits: { leaseMs: 2000 } })
      const assistant = await newAssistant(first, { tools: [{ type: 'code_interpreter' }] })
      const file = await uploaded(first, 'sales.csv', 'item,price\na,10\nb,20\n')
      const begun = sdks.map(async sdk => {
        const thread = await newThread(first)
        await first.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Analyse!', attachments: [{ file_id: file, tools: [{ type: 'code_interpreter' }] }] })
        const reader = await first.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
        const run = await reader.until('thread.run.created')
        while (!/begun/.test(JSON.stringify((await reader.until('thread.run.step.delta')).delta)));
        return { sdk, run, frames: reader.frames }
      })
      const runs = await Promise.all(begun)
      child.kill('SIGKILL')
      await exited
      for (const { sdk, run, frames } of runs) {
        const stream = await goneOnWith(sdk, frames, second.baseURL, run)
        const images: string[] = []
        stream.on('imageFileDone', (image: { file_id: string }) => images.push(image.file_id))
        const kinds: string[] = []
        stream.on('toolCallCreated', ({ type }: { type: string }) => kinds.push(type))
        t.match(await stream.finalRun(), { id: run.id, status: 'completed' }, sdk.name)
        t.equal(kinds[0], 'code_interpreter')
        t.match(await second.client(sdk).beta.threads.runs.poll(run.id, { thread_id: run.thread_id }, {}), { status: 'completed' }, 'the same polled')
        const { steps, messages } = await whatIsIn(second, run)
        const [begunAgain, picture, total] = callsIn(steps[1])[0].code_interpreter.outputs
        t.equal(begunAgain.logs, 'begun\nkept\n2 rows', 'the call was made again, with the files of the session that is gone')
        t.match(total, { logs: '30' })
        const [image, answer] = messages.at(-1).content
        t.equal(image.image_file.file_id, picture.image.file_id)
        t.strictSame(images, [picture.image.file_id])
        const { files } = second.client(sdk)
        t.equal(Buffer.from(await (await files.content(picture.image.file_id)).arrayBuffer()).toString('base64'), PIXEL)
        t.equal(await (await files.content(answer.text.annotations[0].file_path.file_id)).text(), 'total\n30\n')
      }
      const told = upstream.chats.flatMap(({ body }) => (body as any).messages).filter(({ role, content }: any) => role === 'tool' && /The Python session is a new one/.test(content))
      t.equal(told.length, runs.length, 'the model is told of each session')
    })
  }
}
