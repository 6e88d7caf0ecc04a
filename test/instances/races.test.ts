import { test } from 'tap'
import { newThread } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { outputsFor } from '../runs/helpers/server.js'
import { messagesOf, onSharedStores, reaches, runnable, startInstances, stepsOf } from './helpers/instances.js'

/** Each race is run this often; `npm run test:soak` asks for more. */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 10)

await onSharedStores((t, store) => {
  for (const count of [2, 3]) {
    t.test(`runs created at once through ${count} instances: one run, exact 400s for the rest`, { timeout: 0 }, async t => {
      const { upstream, servers } = await startInstances(t, store, count)
      upstream.respond(() => text('Hi.'))
      const { assistant } = await runnable(servers[0]!)
      for (let round = 0; round < ROUNDS; round++) {
        const thread = await newThread(servers[0]!, 'Hello?')
        const answers = await Promise.all(servers.map(async server => await server.post(`/threads/${thread.id}/runs`,
          { assistant_id: assistant.id, additional_messages: [{ role: 'user', content: 'More' }] })))
        const won = answers.filter(({ status }) => status === 200)
        const lost = answers.filter(({ status }) => status === 400)
        // One that comes when the first has ended already is no race.
        if (won.length !== 1) {
          const [{ body: run }] = won as [typeof won[0] & object]
          t.comment(`round ${round}: ${won.length} runs one after the other`)
          t.equal(lost.length + won.length, count)
          await reaches(servers[0]!, run, 'completed')
          continue
        }
        const [{ body: run }] = won as [typeof won[0] & object]
        for (const { body } of lost) t.equal(body.error.message, `Thread ${thread.id} already has an active run ${run.id}.`)
        await reaches(servers[0]!, run, 'completed')
        t.strictSame((await servers[1]!.get(`/threads/${thread.id}/runs`)).body.data.map(({ id }: any) => id), [run.id])
        t.equal((await messagesOf(servers[1]!, thread.id)).length, 3, 'a refused run leaves no message')
      }
    })
  }

  t.test('outputs submitted at once through two instances are taken once', { timeout: 0 }, async t => {
    const { upstream, servers: [a, b] } = await startInstances(t, store, 2)
    const { assistant } = await runnable(a!, { tools: [{ type: 'function', function: { name: 'ask' } }] })
    for (let round = 0; round < ROUNDS; round++) {
      upstream.enqueue(toolCalls([{ name: 'ask', arguments: {} }]), text('Noon'))
      const thread = await newThread(a!, 'Hello?')
      const { body: run } = await a!.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
      const outputs = outputsFor(await reaches(b!, run, 'requires_action'))
      const path = `/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`
      const answers = await Promise.all([a!, b!].map(async server => await server.post(path, { tool_outputs: outputs })))
      t.strictSame(answers.map(({ status }) => status).sort(), [200, 400])
      t.match(answers.find(({ status }) => status === 400)!.body.error.message, /^Runs in status "\w+" do not accept tool outputs\.$/)
      await reaches(b!, run, 'completed')
      t.equal((await stepsOf(a!, run)).length, 2)
    }
    t.equal(upstream.chats.length, 2 * ROUNDS)
  })

  t.test('a message and a run at once through two instances: both in a row, or the message is refused', { timeout: 0 }, async t => {
    const { upstream, servers: [a, b] } = await startInstances(t, store, 2)
    upstream.respond(() => text('Hi.'))
    const { assistant } = await runnable(a!)
    for (let round = 0; round < ROUNDS; round++) {
      const thread = await newThread(a!, 'Hello?')
      const [run, message] = await Promise.all([
        a!.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id }),
        b!.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'More' })
      ])
      t.equal(run.status, 200)
      if (message.status !== 200) t.equal(message.body.error.message, `Can't add messages to ${thread.id} while a run ${run.body.id} is active.`)
      await reaches(b!, run.body, 'completed')
      t.equal((await messagesOf(a!, thread.id)).length, message.status === 200 ? 3 : 2)
    }
  })
}, test)
