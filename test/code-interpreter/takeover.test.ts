import { test } from 'tap'
import { newAssistant, newThread, startServer } from '../helpers/server.js'
import { persistentStores } from '../helpers/stores.js'
import { startUpstream, text } from '../helpers/upstream.js'
import { callsIn, python, somePlaces, toolOutputs, whatIsIn } from './helpers/coder.js'

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
  }
}
