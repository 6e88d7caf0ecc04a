import { test } from 'tap'
import { ManualClock } from '../helpers/clock.js'
import { outline, withoutIds } from '../helpers/events.js'
import { Gate, text } from '../helpers/upstream.js'
import { messagesOf, onSharedStores, reaches, runnable, startInstances, textOf } from './helpers/instances.js'

await onSharedStores((t, store) => {
  t.test('a run is cancelled from another instance at once: its model is left, its stream ends', async t => {
    // Clocks that stand still: nothing but the news brings it about.
    const { upstream, servers: [a, b] } = await startInstances(t, store, 2, () => ({ clock: new ManualClock() }))
    const gate = new Gate()
    upstream.enqueue(text(['Once', gate, ' upon']))
    const { assistant, thread } = await runnable(a!)
    const stream = await a!.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    const { id } = (await stream.next())!.data
    await stream.until('thread.message.delta')
    await gate.reached()
    const request = await upstream.next()

    const cancelled = await b!.post(`/threads/${thread.id}/runs/${id}/cancel`)
    t.match(cancelled, { status: 200, body: { status: 'cancelling' } })
    await request.aborted
    t.strictSame(outline(await stream.all()).slice(-5), ['run.cancelling', 'run.step.cancelled', 'message.incomplete', 'run.cancelled', 'done'])
    t.match((await messagesOf(b!, thread.id)).at(-1), { status: 'incomplete', incomplete_details: { reason: 'run_cancelled' } })
    t.equal((await b!.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Again' })).status, 200)
  })

  t.test('a reader that joins on another instance gets the ids and bytes that the executor tells', async t => {
    const { upstream, servers: [a, b, c] } = await startInstances(t, store, 3)
    const gate = new Gate()
    upstream.enqueue(text(['Once', ' upon', gate, ' a', gate, ' time']))
    const { assistant, thread } = await runnable(a!)
    const creator = await a!.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    const path = `/threads/${thread.id}/runs/${(await creator.next())!.data.id}/stream`
    await creator.until('thread.message.delta')
    await gate.reached()
    const [own, ...joined] = await Promise.all([a!, b!, b!, c!].map(async server => await server.follow(path)))
    await Promise.all(joined.map(async reader => await reader.until('thread.message.delta')))
    gate.open()
    await gate.reached()
    gate.open()
    const told = await own!.all()
    t.strictSame(withoutIds(told), await creator.all())
    for (const reader of joined) {
      const all = await reader.all()
      t.strictSame(all.map(({ id, event }) => `${id} ${event}`), told.map(({ id, event }) => `${id} ${event}`))
      t.strictSame(all, told)
    }
    const late = await Promise.all([b!, c!].map(async server => await (await server.follow(path)).all()))
    t.strictSame(late[0], late[1], 'who comes when it is over gets one story, told from the records')
    t.strictSame(outline(late[0]!), outline(told))
  })

  t.test('with lockMode "wait", the end of a run on one instance lets the next on another begin', async t => {
    const { upstream, servers: [a, b] } = await startInstances(t, store, 2, () => ({ lockMode: 'wait', clock: new ManualClock() }))
    const gate = new Gate()
    upstream.enqueue(text([gate, 'First']), text('Second'))
    const { thread, create } = await runnable(a!)
    const first = await create(a!)
    await gate.reached()
    const second = create(b!, { additional_messages: [{ role: 'user', content: 'And then?' }] })
    // It waits once it has looked for the second time.
    while ((await a!.get(`/threads/${thread.id}/runs`)).body.data.length !== 1);
    gate.open()
    await reaches(b!, first, 'completed')
    await reaches(a!, await second, 'completed')
    t.strictSame((await messagesOf(a!, thread.id)).map(textOf), ['Hello?', 'First', 'And then?', 'Second'])
  })
}, test)
