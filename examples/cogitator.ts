import { createOpenAIServer } from 'fastify-openai-compat'
import OpenAI from 'openai'

// In place of this object: new Cogitator({ llm: { … } }) of @cogitator-ai/core. The server uses its model backends.
const cogitator = {
  getLLMBackend: (_model: string) => ({
    async * chatStream ({ messages }: { messages: { content: string }[] }) {
      yield { delta: { content: `You said: ${messages.at(-1)?.content}` } }
      yield { delta: {}, finishReason: 'stop', usage: { inputTokens: 4, outputTokens: 5 } }
    }
  })
}

const server = createOpenAIServer(cogitator, { port: 0, host: '127.0.0.1' })
await server.start()
const openai = new OpenAI({ baseURL: server.getBaseUrl(), apiKey: 'none' })
const assistant = await openai.beta.assistants.create({ model: 'ollama/llama3.2' })
const thread = await openai.beta.threads.create({ messages: [{ role: 'user', content: 'Hello!' }] })
const run = openai.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
run.on('textDelta', ({ value }) => { process.stdout.write(value ?? '') })
await run.finalRun()
process.stdout.write('\n')
await server.stop()
