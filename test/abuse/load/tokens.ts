import { test } from 'tap'
import { newAssistant, newThread, type ApiClient } from '../../helpers/server.js'
import { randomCjk, randomSigns, randomWords } from '../helpers/texts.js'
import { startScene } from '../helpers/scene.js'

async function ended (server: ApiClient, run: { id: string, thread_id: string }): Promise<any> {
  for (;;) {
    const { body } = await server.get(`/threads/${run.thread_id}/runs/${run.id}`)
    if (!['queued', 'in_progress'].includes(body.status)) return body
  }
}

/** As long as the API allows. */
const LONGEST = 256_000

for (const [what, make] of Object.entries({ 'random words': randomWords, 'Chinese without a space': randomCjk, 'signs without a space': randomSigns })) {
  test(`messages and instructions of ${LONGEST} characters, ${what}, are counted without another tenant noticing`, async t => {
    const { attacker, withstands } = await startScene(t)
    const assistant = await newAssistant(attacker, { model: 'echo', instructions: make(LONGEST) })
    const run = await withstands(what, async () => {
      const thread = await newThread(attacker, make(LONGEST), make(LONGEST), 'And now?')
      const started = await attacker.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, additional_instructions: make(LONGEST) })
      return await ended(attacker, started.body)
    })
    t.equal(run.status, 'completed', 'too long a prompt is cut, not refused')
  })
}
