import { createInterface } from 'node:readline/promises'
import OpenAI from 'openai'

// Against a server that runs: npx fastify-openai-compat
const openai = new OpenAI({ baseURL: process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8080/v1', apiKey: process.env.OPENAI_API_KEY ?? 'none' })

const assistant = await openai.beta.assistants.create({ model: process.env.MODEL ?? 'echo', instructions: 'Be concise.' })
const thread = await openai.beta.threads.create()
const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ' })

terminal.prompt()
for await (const line of terminal) {
  if (line.trim() !== '') {
    await openai.beta.threads.messages.create(thread.id, { role: 'user', content: line })
    const run = openai.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
    run.on('textDelta', ({ value }) => { process.stdout.write(value ?? '') })
    await run.finalRun()
    process.stdout.write('\n')
  }
  terminal.prompt()
}
