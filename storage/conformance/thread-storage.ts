import type { DefineTest, SuiteTest } from './runner.js'
import type { Message } from '../../schemas/messages.js'
import type { StoredAssistant, StoredFile, StoredThread, ThreadStorage } from '../thread-storage/thread-storage.js'

export interface ThreadStorageSuite {
  test: DefineTest
  /** A fresh, empty storage, connected and cleaned up by the factory, which gets the test of your runner. */
  factory: (t: any) => Promise<ThreadStorage>
}

const message = (id: string, text = id): Message => ({
  id,
  object: 'thread.message',
  created_at: 1,
  thread_id: 'thread_1',
  status: 'completed',
  incomplete_details: null,
  completed_at: 1,
  incomplete_at: null,
  role: 'user',
  content: [{ type: 'text', text: { value: text, annotations: [] } }],
  assistant_id: null,
  run_id: null,
  attachments: [],
  metadata: {}
})

export const storedThread = (id: string, messages: Message[] = []): StoredThread => ({
  thread: { id, object: 'thread', created_at: 1, metadata: { a: 'b' }, tool_resources: {} }, messages
})

const assistant = (id: string): StoredAssistant => ({
  id, name: 'A', model: 'echo', instructions: 'Be brief.', tools: [{ type: 'code_interpreter' }], metadata: { a: 'b' }, temperature: 0.5, created_at: 1
})

const file = (id: string): StoredFile => ({ id, filename: 'ä.bin', created_at: 1, content: Buffer.from([0, 255, 128, 10]) })

/** What every `ThreadStorage` has to do: ours, and those that users write. */
export function threadStorageSuite ({ test, factory }: ThreadStorageSuite): void {
  test('a thread comes back with its messages, oldest first', async (t: SuiteTest) => {
    const storage = await factory(t)
    const thread = storedThread('thread_1', [message('msg_b'), message('msg_a')])
    await storage.saveThread('thread_1', thread)
    t.same(await storage.loadThread('thread_1'), thread)
    t.same(await storage.listThreads(), [thread])
  })

  test('what was never saved is null, and deleting it is false', async (t: SuiteTest) => {
    const storage = await factory(t)
    t.equal(await storage.loadThread('thread_1'), null)
    t.equal(await storage.loadAssistant('asst_1'), null)
    t.equal(await storage.loadFile('file_1'), null)
    t.equal(await storage.deleteThread('thread_1'), false)
    t.equal(await storage.deleteAssistant('asst_1'), false)
    t.equal(await storage.deleteFile('file_1'), false)
    t.same(await storage.listThreads(), [])
    t.same(await storage.listAssistants(), [])
    t.same(await storage.listFiles(), [])
  })

  test('a thread saved again is what was saved last', async (t: SuiteTest) => {
    const storage = await factory(t)
    const orders = ['', 'a b c', 'a b c d', 'a c d', 'd c a', 'd x c a', 'x', 'a b c x', ''].map(order => order.split(' ').filter(Boolean))
    for (const [index, order] of orders.entries()) {
      const thread = storedThread('thread_1', order.map(id => message(id, `text ${index}`)))
      thread.thread.metadata = { index: String(index) }
      await storage.saveThread('thread_1', thread)
      t.same(await storage.loadThread('thread_1'), thread, order.join(' '))
    }
    t.equal((await storage.listThreads()).length, 1)
  })

  test('a deleted thread is gone with its messages', async (t: SuiteTest) => {
    const storage = await factory(t)
    await storage.saveThread('thread_1', storedThread('thread_1', [message('msg_1')]))
    await storage.saveThread('thread_2', storedThread('thread_2', [message('msg_1')]))
    t.equal(await storage.deleteThread('thread_1'), true)
    t.equal(await storage.deleteThread('thread_1'), false)
    t.equal(await storage.loadThread('thread_1'), null)
    t.same(await storage.listThreads(), [storedThread('thread_2', [message('msg_1')])])
    await storage.saveThread('thread_1', storedThread('thread_1'))
    t.same(await storage.loadThread('thread_1'), storedThread('thread_1'))
  })

  test('assistants are saved, replaced, listed and deleted, with every key', async (t: SuiteTest) => {
    const storage = await factory(t)
    const one = { ...assistant('asst_1'), description: 'first', top_p: 0.5 }
    await storage.saveAssistant('asst_1', one)
    await storage.saveAssistant('asst_2', assistant('asst_2'))
    t.match(await storage.loadAssistant('asst_1'), one)
    await storage.saveAssistant('asst_1', { ...one, name: null })
    t.match(await storage.loadAssistant('asst_1'), { ...one, name: null })
    t.match((await storage.listAssistants()).map(({ id }) => id).sort(), ['asst_1', 'asst_2'])
    t.equal(await storage.deleteAssistant('asst_1'), true)
    t.equal(await storage.deleteAssistant('asst_1'), false)
    t.match((await storage.listAssistants()).map(({ id }) => id), ['asst_2'])
  })

  test('files keep their bytes', async (t: SuiteTest) => {
    const storage = await factory(t)
    await storage.saveFile('file_1', file('file_1'))
    t.same(await storage.loadFile('file_1'), file('file_1'))
    t.same(await storage.listFiles(), [file('file_1')])
    t.equal(await storage.deleteFile('file_1'), true)
    t.equal(await storage.loadFile('file_1'), null)
  })

  test('a thread of 2,000 messages is saved and loaded whole', async (t: SuiteTest) => {
    const storage = await factory(t)
    const thread = storedThread('thread_1', Array.from({ length: 2000 }, (_, n) => message(`msg_${n}`)))
    await storage.saveThread('thread_1', thread)
    t.same(await storage.loadThread('thread_1'), thread)
  })

  test('changing what was saved or loaded does not change what is stored', async (t: SuiteTest) => {
    const storage = await factory(t)
    const thread = storedThread('thread_1')
    await storage.saveThread('thread_1', thread)
    thread.thread.metadata.later = 'x'
    const loaded = await storage.loadThread('thread_1')
    loaded!.thread.metadata.later = 'y'
    t.same((await storage.loadThread('thread_1'))!.thread.metadata, { a: 'b' })
  })
}
