import { createOpenAIServer, type ServerTool } from 'fastify-openai-compat'
import OpenAI from 'openai'

const add: ServerTool<{ a: number, b: number }> = {
  name: 'add',
  description: 'Adds two numbers',
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
  execute: ({ a, b }) => a + b
}

// The server runs the function itself: the client neither declares it nor answers its calls.
const server = createOpenAIServer(undefined, { port: 0, host: '127.0.0.1', tools: [add] })
await server.start()

const openai = new OpenAI({ baseURL: server.getBaseUrl(), apiKey: 'none' })
const assistant = await openai.beta.assistants.create({ model: 'echo' })
// `echo` makes the call that the message names. A real model decides by itself.
const thread = await openai.beta.threads.create({ messages: [{ role: 'user', content: '/call add {"a":19,"b":23}' }] })
const run = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })

const { data: [answer] } = await openai.beta.threads.messages.list(thread.id, { limit: 1 })
const [part] = answer?.content ?? []
console.log(run.status, part?.type === 'text' ? part.text.value : part)
await server.stop()
