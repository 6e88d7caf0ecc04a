import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOpenAIServer } from 'fastify-openai-compat'
import OpenAI from 'openai'
import { JsonFolderStore } from './extending/json-folder-store.ts'

const folder = await mkdtemp(join(tmpdir(), 'custom-store-'))

/** Starts a server on the folder, lets `work` talk to it, and closes both. A store that you hand in is yours to close. */
async function serve<T> (work: (openai: OpenAI) => Promise<T>): Promise<T> {
  const storage = new JsonFolderStore(folder)
  const server = createOpenAIServer(undefined, { port: 0, host: '127.0.0.1', storage })
  await server.start()
  try {
    return await work(new OpenAI({ baseURL: server.getBaseUrl(), apiKey: 'none' }))
  } finally {
    await server.stop()
    await storage.disconnect()
  }
}

const threadId = await serve(async openai => {
  const assistant = await openai.beta.assistants.create({ model: 'echo' })
  const thread = await openai.beta.threads.create({ messages: [{ role: 'user', content: 'Remember me!' }] })
  await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
  return thread.id
})

// Another server on the same folder finds what the first one has kept.
const roles = await serve(async openai => (await openai.beta.threads.messages.list(threadId)).data.map(message => message.role))
console.log(`After the restart the thread has messages of: ${roles.join(', ')}`)
await rm(folder, { recursive: true })
