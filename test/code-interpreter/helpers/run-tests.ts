import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import type { Sdk } from '../../helpers/sdk.js'
import { covers, newThread } from '../../helpers/server.js'
import { text } from '../../helpers/upstream-replies.js'
import { uploaded } from '../../vector-stores/helpers/searcher.js'
import { callsIn, coder, python, toolOutputs, whatIsIn, type Place } from './coder.js'

export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const SHOW = `import base64\nclass Picture:\n    def _repr_png_(self): return base64.b64decode('${PIXEL}')\n`
/** Reads a CSV file, writes another, and shows a picture. */
export const ANALYSE = `${SHOW}import csv
rows = list(csv.DictReader(open('sales.csv')))
total = sum(int(row['price']) for row in rows)
with open('/mnt/data/total.csv', 'w') as file: file.write('total\\n%d\\n' % total)
print(len(rows), 'rows')
display(Picture())
total`

/** Code that does the same in one way or another. */
export interface Analysis {
  name: string
  code: string
  skip: string | false
  /** Whether these bytes are the picture. */
  isPicture (bytes: Buffer): boolean
}

const withCsv: Analysis = { name: 'the csv module', code: ANALYSE, skip: false, isPicture: bytes => bytes.toString('base64') === PIXEL }

/** With what data is analysed with, where it is installed. */
export const withPandas = (skip: string | false): Analysis => ({
  name: 'pandas and matplotlib',
  code: `import matplotlib.pyplot as plt
import pandas as pd
frame = pd.read_csv('sales.csv')
frame.sum(numeric_only=True).to_frame('total').to_csv('total.csv', index=False)
print(len(frame), 'rows')
frame.plot.bar(x='item', y='price')
plt.show()
int(frame['price'].sum())`,
  skip,
  isPicture: bytes => bytes.subarray(1, 4).toString() === 'PNG' && bytes.length > 2000
})

/** Runs from end to end, with code in one sandbox. */
export function runTests (place: Place, sdks: readonly Sdk[], analyses: readonly Analysis[] = []): void {
  const { skip } = place
  for (const [sdk, { name, code, skip: lacking, isPicture }] of sdks.flatMap(sdk => [withCsv, ...analyses].map(analysis => [sdk, analysis] as const))) {
    test(`${place.name}, ${sdk.name}, ${name}: a CSV file goes in, a picture and a CSV file come out, streamed and polled`, { skip: skip || lacking }, async t => {
      covers(t, 'createRun', 'thread.run.step.delta', 'thread.message.delta')
      const script = [python(code, { fragments: 20 }), text(['The total is 30, see [the file](sand', 'box:/mnt/data/to', 'tal.csv).'])]
      const { server, assistant } = await coder(t, place, { script: [...script, ...script] })
      const client = server.client(sdk)
      const file = await client.files.create({ purpose: 'assistants', file: new File(['item,price\na,10\nb,20\n'], 'sales.csv') })
      const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Analyse!', attachments: [{ file_id: file.id, tools: [{ type: 'code_interpreter' }] }] }] })
      const stream = client.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
      const events: string[] = []
      let input = ''
      let logs = ''
      stream.on('toolCallCreated', call => events.push(`toolCallCreated ${call.type}`))
      stream.on('toolCallDone', call => events.push(`toolCallDone ${call.type}`))
      stream.on('imageFileDone', image => events.push(`imageFileDone ${image.file_id}`))
      stream.on('toolCallDelta', delta => {
        if (delta.type !== 'code_interpreter') return
        input += delta.code_interpreter?.input ?? ''
        for (const output of delta.code_interpreter?.outputs ?? []) if (output.type === 'logs') logs += output.logs ?? ''
      })
      t.match(await stream.finalRun(), { status: 'completed' })
      const [step] = await stream.finalRunSteps()
      const call = callsIn(step)[0]
      t.equal(call.code_interpreter.input, code)
      t.ok(code.endsWith(input) || input === code, 'code is streamed')
      t.match(call.code_interpreter.outputs, [{ type: 'logs', logs: '2 rows' }, { type: 'image', image: { file_id: /^file-/ } }, { type: 'logs', logs: '30' }])
      t.equal(logs, '2 rows30')
      const imageId = call.code_interpreter.outputs[1].image.file_id
      t.strictSame(events, ['toolCallCreated code_interpreter', 'toolCallDone code_interpreter', `imageFileDone ${imageId}`])

      t.match((await stream.finalMessages())[0]?.content, [{ image_file: { file_id: imageId } }, { text: { annotations: [{ type: 'file_path' }] } }])
      const [message] = (await client.beta.threads.messages.list(thread.id)).data
      const [image, answer] = message!.content as any[]
      t.strictSame(image, { type: 'image_file', image_file: { file_id: imageId } })
      const [annotation] = answer.text.annotations
      t.match(annotation, { type: 'file_path', text: 'sandbox:/mnt/data/total.csv', file_path: { file_id: /^file-/ } })
      t.equal(answer.text.value.slice(annotation.start_index, annotation.end_index), annotation.text)
      const csvId = annotation.file_path.file_id
      t.strictSame(message!.attachments, [{ file_id: csvId, tools: [{ type: 'code_interpreter' }] }])
      t.match(await client.files.retrieve(csvId), { purpose: 'assistants_output', filename: 'total.csv', bytes: 9 })
      t.equal(await (await client.files.content(csvId)).text(), 'total\n30\n')
      t.ok(isPicture(Buffer.from(await (await client.files.content(imageId)).arrayBuffer())))
      t.match((await whatIsIn(server, { id: (await stream.finalRun()).id, thread_id: thread.id })).steps[0], { status: 'completed', step_details: { tool_calls: [call] } })

      const polledThread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Analyse!', attachments: [{ file_id: file.id, tools: [{ type: 'code_interpreter' }] }] }] })
      t.match(await client.beta.threads.runs.createAndPoll(polledThread.id, { assistant_id: assistant.id }, { pollIntervalMs: 20 }), { status: 'completed' })
      const [polled] = (await client.beta.threads.messages.list(polledThread.id)).data
      const [polledImage, polledAnswer] = polled!.content as any[]
      t.ok(isPicture(Buffer.from(await (await client.files.content(polledImage.image_file.file_id)).arrayBuffer())), 'the same polled')
      t.equal(await (await client.files.content(polledAnswer.text.annotations[0].file_path.file_id)).text(), 'total\n30\n')
    })
  }

  test(`${place.name}: the same polled, and a reader that comes late is told the same`, { skip }, async t => {
    const { server, thread, run } = await coder(t, place, { script: [python('print(1)\n2'), text('Two.')], limits: {} })
    const done = await run()
    t.equal(done.run.status, 'completed')
    t.match(callsIn(done.steps[0]), [{ type: 'code_interpreter', code_interpreter: { input: 'print(1)\n2', outputs: [{ type: 'logs', logs: '1\n2' }] } }])
    t.strictSame(toolOutputs(server), ['1\n2'])
    const late = await server.follow(`/threads/${thread.id}/runs/${done.run.id}/stream`)
    const deltas = (await late.all()).filter(({ event }) => event === 'thread.run.step.delta').map(({ data }) => data.delta.step_details.tool_calls[0].code_interpreter)
    t.equal(deltas.map(({ input = '' }) => input).join(''), 'print(1)\n2')
    // In one delta or, on a busy machine, in two.
    const told = deltas.flatMap(({ outputs = [] }) => outputs)
    t.equal(told.map(({ logs }) => logs).join(''), '1\n2')
    t.ok(told.every(({ index, type }) => index === 0 && type === 'logs'))
  })

  test(`${place.name}: variables last from call to call, turn to turn and run to run of a thread, and no further`, { skip }, async t => {
    const { server, assistant, run } = await coder(t, place, {
      script: [python(['n = 1', 'n += 1\nn']), python('n += 1\nn'), text('Three.'), python('n'), text('Still.'), python('"n" in globals()'), text('No.')]
    })
    const first = await run()
    t.strictSame(first.steps.slice(0, 2).flatMap(callsIn).map(call => call.code_interpreter.outputs), [[], [{ type: 'logs', logs: '2' }], [{ type: 'logs', logs: '3' }]])
    t.match(callsIn((await run()).steps[0])[0].code_interpreter.outputs, [{ logs: '3' }])
    const other = await newThread(server, 'And here?')
    await server.post(`/threads/${other.id}/runs`, { assistant_id: assistant.id, stream: false })
    while (server.upstream.chats.length < 7) await delay(5)
    t.strictSame(toolOutputs(server), ['False'])
  })

  test(`${place.name}: an error is in the logs, and the model reads it`, { skip }, async t => {
    const { server, run } = await coder(t, place, { script: [python('1 / 0'), text('Oh.')] })
    const { steps } = await run()
    t.match(callsIn(steps[0])[0].code_interpreter.outputs, [{ type: 'logs', logs: /ZeroDivisionError: division by zero$/ }])
    t.match(toolOutputs(server), [/Traceback[^]*ZeroDivisionError/])
  })

  test(`${place.name}: code that takes too long is stopped with a word, and its variables are kept`, { skip }, async t => {
    const { server, run } = await coder(t, place, { limits: { callMs: 1000 }, script: [python('kept = 7\nprint("begun")\nwhile True: pass'), python('kept'), text('Seven.')] })
    const { steps } = await run()
    t.match(callsIn(steps[0])[0].code_interpreter.outputs, [{ type: 'logs', logs: /^begun\n[^]*KeyboardInterrupt\n\[The code ran for more than 1 seconds and was stopped\. Variables are kept\.\]$/ }])
    t.strictSame(toolOutputs(server), ['7'])
  })

  test(`${place.name}: a session that has to be ended is replaced, with its files, and the model is told`, { skip }, async t => {
    const { server, run } = await coder(t, place, {
      limits: { outputBytes: 100_000 },
      script: [python('import os\nos.makedirs("sub")\nopen("sub/kept.txt", "w").write("kept")\nn = 1'), python('print("x" * 200_000)'), python('open("sub/kept.txt").read(), "n" in globals()'), text('Gone.')]
    })
    const { steps } = await run()
    t.match(callsIn(steps[1])[0].code_interpreter.outputs.at(-1).logs, /\[The Python session has ended: it wrote more than 100000 bytes of output\. Its variables are gone\.\]$/)
    t.strictSame(toolOutputs(server), ['(\'kept\', False)\n[The Python session is a new one: variables of earlier calls are gone. Files in /mnt/data are there again.]'])
  })

  test(`${place.name}: cancelling a run interrupts its code at once, what it printed stays, and the session is there for the next run`, { skip }, async t => {
    const { server, thread, assistant, run } = await coder(t, place, { script: [python('kept = 7\nprint("begun")\nwhile True: pass'), python('kept'), text('Seven.')] })
    const reader = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    const { id } = await reader.until('thread.run.created')
    while (!/begun/.test(JSON.stringify((await reader.until('thread.run.step.delta')).delta.step_details.tool_calls[0].code_interpreter.outputs ?? [])));
    await server.post(`/threads/${thread.id}/runs/${id}/cancel`)
    await reader.until('thread.run.cancelled')
    const { steps } = await whatIsIn(server, { id, thread_id: thread.id })
    t.match(steps, [{ status: 'cancelled', step_details: { tool_calls: [{ code_interpreter: { outputs: [{ type: 'logs', logs: 'begun' }] } }] } }])
    await run()
    t.strictSame(toolOutputs(server), ['7'])
  })

  test(`${place.name}: files of the assistant and the thread are there under their names, new ones with the next call`, { skip }, async t => {
    const { server, assistant, thread, run } = await coder(t, place, {
      script: [python('import os\nsorted(os.listdir())'), text('One.'), python('sorted(os.listdir())'), python('open("b.txt").read()'), text('[b](sandbox:/mnt/data/b.txt)')]
    })
    const [a, b, second] = [await uploaded(server, 'a.txt', 'A'), await uploaded(server, 'b.txt', 'B'), await uploaded(server, 'a.txt', 'another A')]
    await server.post(`/assistants/${assistant.id}`, { tool_resources: { code_interpreter: { file_ids: [a] } } })
    await run()
    t.strictSame(toolOutputs(server), ['[\'a.txt\']'])
    await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'And these?', attachments: [b, second].map(id => ({ file_id: id, tools: [{ type: 'code_interpreter' }] })) })
    const { messages } = await run()
    t.strictSame(toolOutputs(server), ['\'B\''])
    const { messages: sent } = server.upstream.chats.at(-1)!.body as any
    t.equal(sent.findLast(({ content }: any) => /a\.txt/.test(content)).content, `['a.txt', 'b.txt', '${second}-a.txt']`)
    t.match(messages[0].content[0].text.annotations, [{ type: 'file_path', file_path: { file_id: b } }], 'a file of the user can be linked, too')
  })

  test(`${place.name}: what a call writes beyond its bounds is said`, { skip }, async t => {
    const { server, run } = await coder(t, place, { limits: { filesPerCall: 2, logLength: 100, modelLength: 100 }, script: [python('for i in range(3): open(f"{i}.txt", "w").write("x")\nprint("a" * 200 + "z")'), text('Done.')] })
    const { steps } = await run()
    t.strictSame(callsIn(steps[0])[0].code_interpreter.outputs, [{ type: 'logs', logs: `${'a'.repeat(100)}\n[The output is longer than 100 characters; the rest is not shown.]` }])
    t.strictSame(toolOutputs(server), [`${'a'.repeat(50)}\n[… 101 characters left out …]\n${'a'.repeat(49)}z\n[1 more files were written, but only 2 of one call are saved.]\n[Files written: sandbox:/mnt/data/0.txt, sandbox:/mnt/data/1.txt]`])
  })

  test(`${place.name}: tool_choice names the tool, and a model that writes code without JSON is understood`, { skip }, async t => {
    const { server, run } = await coder(t, place, { script: [python('1'), text('One.')] })
    await run({ tool_choice: { type: 'code_interpreter' } })
    t.match(server.upstream.chats[0]!.body, { tool_choice: { type: 'function', function: { name: 'python' } }, tools: [{ function: { name: 'python' } }] })
  })
}
