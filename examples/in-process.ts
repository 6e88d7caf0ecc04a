import { createOpenAIAdapter } from 'fastify-openai-compat'

// Without arguments the model is `echo`, and everything stays in memory.
const adapter = createOpenAIAdapter()

const assistant = await adapter.createAssistant({ model: 'echo', instructions: 'Be concise.' })
const thread = await adapter.createThread()
await adapter.addMessage(thread.id, { role: 'user', content: 'Hello from this very process!' })

for await (const { event, data } of adapter.streamRun(thread.id, { assistant_id: assistant.id })) {
  if (event !== 'thread.message.delta') continue
  for (const part of data.delta.content ?? []) if (part.type === 'text') process.stdout.write(part.text?.value ?? '')
}
process.stdout.write('\n')
await adapter.close()
