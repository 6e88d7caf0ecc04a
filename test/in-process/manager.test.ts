import { test } from 'tap'
import { ApiError, createThreadStorage, InMemoryThreadStorage, SqliteThreadStorage, ThreadManager } from '../../lib/index.js'
import { MapStorage } from '../helpers/map-storage.js'
import { storages } from '../helpers/stores.js'

test('without a storage everything is in memory', async t => {
  const manager = new ThreadManager()
  const thread = await manager.createThread({ topic: 'tea' })
  t.strictSame(await manager.getThread(thread.id), thread)
  t.equal(await new ThreadManager().getThread(thread.id), undefined, 'of its own')
})

for (const { name, skip, place } of storages) {
  test(`a manager on ${name}`, { skip: await skip() }, async t => {
    const storage = place(t)()
    const manager = new ThreadManager(storage)
    t.teardown(async () => await storage.disconnect?.())

    await t.test('assistants are made, changed, listed and deleted', async t => {
      const assistant = await manager.createAssistant({ model: 'm', name: 'Ada', tools: [{ type: 'code_interpreter' }], temperature: 0.5 })
      t.match(assistant, { id: /^asst_/, object: 'assistant', name: 'Ada', model: 'm', instructions: null, temperature: 0.5, created_at: Number })
      t.strictSame(assistant.metadata, {})
      t.strictSame(await manager.getAssistant(assistant.id), assistant)
      const updated = await manager.updateAssistant(assistant.id, { name: 'Grace' })
      t.strictSame(updated, { ...assistant, name: 'Grace' })
      const other = await manager.createAssistant({ model: 'm' })
      t.strictSame(await manager.listAssistants(), [updated, other], 'oldest first')
      t.equal(await manager.deleteAssistant(assistant.id), true)
      t.equal(await manager.deleteAssistant(assistant.id), false)
      t.equal(await manager.getAssistant(assistant.id), undefined)
      t.equal(await manager.updateAssistant(assistant.id, { name: 'x' }), undefined)
    })

    await t.test('threads are made, changed and deleted with their messages', async t => {
      const thread = await manager.createThread()
      t.match(thread, { id: /^thread_/, object: 'thread' })
      t.strictSame(thread.metadata, {})
      t.match(await manager.updateThread(thread.id, { metadata: { a: 'b' } }), { id: thread.id, metadata: { a: 'b' } })
      await manager.addMessage(thread.id, { role: 'user', content: 'Hello' })
      t.equal(await manager.deleteThread(thread.id), true)
      t.equal(await manager.deleteThread(thread.id), false)
      t.strictSame(await manager.listMessages(thread.id), [])
      t.equal(await manager.addMessage(thread.id, { role: 'user', content: 'Hello' }), undefined)
    })

    await t.test('messages are listed by page, order and run', async t => {
      const thread = await manager.createThread()
      const messages = []
      for (let n = 1; n <= 5; n++) messages.push(await manager.addMessage(thread.id, { role: 'user', content: `number ${n}` }))
      const answer = await manager.addAssistantMessage(thread.id, 'Noted.', 'asst_1', 'run_1')
      t.match(answer, { role: 'assistant', status: 'completed', assistant_id: 'asst_1', run_id: 'run_1', content: [{ type: 'text', text: { value: 'Noted.', annotations: { length: 0 } } }] })
      const [one, two, three, four, five] = messages
      t.strictSame(await manager.getMessage(thread.id, two!.id), two)
      t.equal(await manager.getMessage(thread.id, 'msg_none'), undefined)
      t.strictSame(await manager.listMessages(thread.id), [answer, five, four, three, two, one])
      t.strictSame(await manager.listMessages(thread.id, { limit: 2, order: 'asc' }), [one, two])
      t.strictSame(await manager.listMessages(thread.id, { order: 'asc', after: two!.id, limit: 2 }), [three, four])
      t.strictSame(await manager.listMessages(thread.id, { order: 'asc', before: three!.id }), [one, two])
      t.strictSame(await manager.listMessages(thread.id, { run_id: 'run_1' }), [answer])
      t.strictSame((await manager.getMessagesForLLM(thread.id)).slice(-2), [{ role: 'user', content: 'number 5' }, { role: 'assistant', content: 'Noted.' }])
    })

    await t.test('more messages than a page holds are all listed', async t => {
      const thread = await manager.createThread()
      const texts = Array.from({ length: 130 }, (_, n) => `number ${n}`)
      for (const content of texts) await manager.addMessage(thread.id, { role: 'user', content })
      t.strictSame((await manager.getMessagesForLLM(thread.id)).map(message => message.content), texts)
      t.equal((await manager.listMessages(thread.id, { limit: 120 })).length, 120)
    })

    await t.test('files are kept with their bytes', async t => {
      const content = Buffer.from('line one\nline two\n\0 binary \xff', 'latin1')
      const file = await manager.addFile(content, 'notes.txt')
      t.match(file, { id: /^file-/, filename: 'notes.txt', created_at: Number })
      t.strictSame(await manager.getFile(file.id), { id: file.id, content, filename: 'notes.txt', created_at: file.created_at })
      const empty = await manager.addFile(Buffer.alloc(0), 'empty')
      t.strictSame((await manager.listFiles()).map(({ id, content }) => [id, content.length]), [[file.id, content.length], [empty.id, 0]])
      t.equal(await manager.deleteFile(file.id), true)
      t.equal(await manager.deleteFile(file.id), false)
      t.equal(await manager.getFile(file.id), undefined)
      t.strictSame((await manager.listFiles()).map(({ id }) => id), [empty.id])
    })
  })
}

test('what was written is there when the storage is opened again', async t => {
  const path = `${t.testdir()}/data.db`
  const first = new ThreadManager(`sqlite:${path}`)
  const thread = await first.createThread()
  const file = await first.addFile(Buffer.from('kept'), 'kept.txt')
  await first.close()
  const second = new ThreadManager(`sqlite:${path}`)
  t.teardown(async () => await second.close())
  t.strictSame(await second.getThread(thread.id), thread)
  t.strictSame((await second.getFile(file.id))?.content, Buffer.from('kept'))
})

test('a storage that was passed in stays open', async t => {
  const storage = new InMemoryThreadStorage()
  const manager = new ThreadManager(storage)
  const thread = await manager.createThread()
  await manager.close()
  t.match(await storage.loadThread(thread.id), { thread: { id: thread.id }, messages: { length: 0 } })
})

test('a storage of one\'s own needs the twelve methods and nothing else', async t => {
  const storage = new MapStorage()
  t.notOk('connect' in storage)
  const manager = new ThreadManager(storage)
  const thread = await manager.createThread()
  await manager.addMessage(thread.id, { role: 'user', content: 'Hello' })
  const file = await manager.addFile(Buffer.from('bytes'), 'a.txt')
  t.match(await storage.loadThread(thread.id), { thread, messages: [{ content: [{ text: { value: 'Hello' } }] }] })
  t.ok((await storage.loadFile(file.id))?.content.includes('bytes'))
})

test('the service behind the file methods streams and pages', async t => {
  const manager = new ThreadManager()
  const { id } = await manager.addFile(Buffer.from('0123456789'), '../../etc/passwd')
  t.match(await manager.files.list({ purpose: 'assistants' }), { data: [{ id, filename: 'passwd', bytes: 10 }], has_more: false })
  t.equal((await (await manager.files.open(id, { start: 2, end: 5 })).toArray()).join(''), '234')
  await t.rejects(manager.files.get('file-none'), new ApiError(404, 'No such File object: file-none', { param: 'id' }))
})

test('projects share a store and see nothing of each other', async t => {
  const red = new ThreadManager()
  const blue = red.forProject('blue')
  const thread = await red.createThread()
  const file = await red.addFile(Buffer.from('secret'), 'a.txt')
  t.equal(await blue.getThread(thread.id), undefined)
  t.equal(await blue.getFile(file.id), undefined)
  t.strictSame(await blue.listFiles(), [])
  await blue.addFile(Buffer.from('mine'), 'b.txt')
  t.equal((await red.listFiles()).length, 1)
})

test('createThreadStorage makes the storage that its type names', async t => {
  t.ok(createThreadStorage() instanceof InMemoryThreadStorage)
  t.ok(createThreadStorage({ type: 'memory' }) instanceof InMemoryThreadStorage)
  t.ok(createThreadStorage({ type: 'sqlite', path: `${t.testdir()}/a.db` }) instanceof SqliteThreadStorage)
  t.throws(() => createThreadStorage({ type: 'cloud' } as never), { name: 'TypeError', message: /memory, sqlite, redis or postgres/ })
})
